// @ts-check
/** The buttons that write a text: token by token, by themselves, or all at once. */
import { make } from "../dom.js";
import { button } from "./sentence.js";

/** @typedef {import("./generating.js").Generating<any, import("./generating.js").Generation>} Generating */

const PACE = 450; // milliseconds a token, when it plays

export class Player {
  #playing = 0;
  #play = button("Play", () => (this.#playing ? this.stop() : this.#start()));

  /**
   * @param {Generating} experiment
   * @param {string} all what the button is called that writes all the rest
   * @param {() => void} onWritten
   */
  constructor(experiment, all, onWritten) {
    this.experiment = experiment;
    this.element = make(
      "div",
      "playground-row",
      button("Start again", () => (this.stop(), experiment.restart())),
      button("Next token", () => (this.stop(), experiment.step(), onWritten())),
      this.#play,
      button(all, () => (this.stop(), experiment.finish(), onWritten())),
    );
    this.onWritten = onWritten;
  }

  #start() {
    if (this.experiment.generation.ended) this.experiment.restart();
    this.#play.textContent = "Pause";
    this.#playing = window.setInterval(() => {
      this.experiment.step();
      this.onWritten();
      if (this.experiment.generation.ended) this.stop();
    }, PACE);
  }

  stop() {
    window.clearInterval(this.#playing);
    this.#playing = 0;
    this.#play.textContent = "Play";
  }
}
