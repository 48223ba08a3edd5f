"""The map of the whole model in the playground: every number of it is PyTorch's."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, Route, expect
from torch import Tensor

from attention import Translator
from attention.data import toy
from attention.layers.recording import record_attention
from tests.site_fixtures import Build, OpenElement
from tools import playground

SOURCE = "They arrived late ."
STEP, HEAD = 3, 1  # the decoder step that is compared, and the head; both count from 0
HEADS, BLOCKS = 4, 2
pytestmark = pytest.mark.on_cpu(reason="a browser")

ATTENTION = ["Q", "K", "V", "Scores", "Scaled scores", "Weights"]
ATTENTION += ["Head output", "Concatenation", "Layer output"]
# Of every cell its number, and of those in the first and in the last row its arithmetic.
CELLS = """() => [...document.querySelectorAll(".model-map-scroller tbody tr")].map((row, t, all) =>
    [...row.querySelectorAll("td")].map((cell) => {
        const { value = null } = cell.dataset;
        const seen = { value, shown: cell.textContent };
        if (t > 0 && t < all.length - 1) return seen;
        cell.focus({ preventScroll: true });
        const { dataset, textContent } = document.querySelector(".model-map-worked");
        return { ...seen, result: dataset.value, text: textContent };
    }))"""


@pytest.fixture(scope="module")
def translator() -> Translator:
    """A small one whose weights are all random: gains and biases that start at 1 and 0, too."""
    sizes = {"d_model": 16, "n_heads": HEADS, "d_ff": 24, "n_layers": BLOCKS}
    translator = Translator.new("transformer", toy.pairs("train", 200), **sizes)
    generator = torch.Generator().manual_seed(0)
    for parameter in translator.model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return translator


@pytest.fixture(scope="module")
def folder(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    translator.save(folder)
    return folder


@pytest.fixture
def open_map(open_element: OpenElement, folder: Path) -> Callable[..., Page]:
    """Open the playground with the small translator, and its map; settings are the window's."""

    def open_page(**settings: object) -> Page:
        html = f"<translator-playground {playground.identity(folder)}></translator-playground>"
        page = open_element("translator-playground", html, **settings)
        files = {name: (folder / name).read_bytes() for name in playground.NAMES}
        files["sentences.json"] = json.dumps({"source": [SOURCE]}).encode()

        def answer(route: Route) -> None:
            route.fulfill(body=files[route.request.url.partition("?")[0].rpartition("/")[2]])

        page.route("**/weights/translator/*", answer)
        page.get_by_role("button", name="Load the model").click()
        page.get_by_label("English sentence").fill(SOURCE)
        page.get_by_text("Map of the whole model").click()
        return page

    return open_page


def open_part(page: Page, part: str) -> None:
    page.locator(f"[data-part='{part}']").click()


def tabs(page: Page) -> list[str]:
    return page.locator(".model-map-panel").get_by_role("tab").all_inner_texts()


def recorded(translator: Translator, target: list[str]) -> dict[str, Tensor]:
    """What goes into each module of the model and what comes out of it, and the weights."""
    model: Any = translator.model
    found: dict[str, Tensor] = {}

    def recorder(name: str) -> Any:
        def hook(_: Any, given: tuple[Tensor, ...], output: Tensor) -> None:
            found[f"into {name}"], found[name] = given[0][0], output[0]

        return hook

    hooks = [module.register_forward_hook(recorder(name)) for name, module in leaves(model)]
    source = torch.tensor([translator.source_tokenizer.encode(SOURCE)])
    ids = torch.tensor([[vocabulary(translator).index(token) for token in target]])
    with torch.no_grad(), record_attention(model) as weights:
        found["logits"] = model(source, ids)[0]
    for hook in hooks:
        hook.remove()
    return found | {f"weights of {name}": rows[0] for name, rows in weights.items()}


def leaves(model: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    kinds = (torch.nn.Linear, torch.nn.LayerNorm, torch.nn.Embedding)
    return [(name, part) for name, part in model.named_modules() if isinstance(part, kinds)]


def vocabulary(translator: Translator) -> list[str]:
    ids = translator.target_tokenizer.to_dict()["tokenizer"]["model"]["vocab"]
    return sorted(ids, key=ids.__getitem__)


def expected(translator: Translator, found: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The matrices of a part by the names of their tabs; a masked cell is NaN."""
    width = translator.model.config.d_model
    if part.endswith("embedding"):
        side = "source" if part.startswith("encoder") else "target"
        embedding = found[f"{side}_embedding"] * math.sqrt(width)
        positions = translator.model.positions(torch.zeros(1, len(embedding), width))[0]
        sums = embedding + positions
        return {"Embedding · √d_model": embedding, "Positional encoding": positions, "Sum": sums}
    if part.endswith("norm"):
        name = f"{part}.norm"
        return {"Sum": found[f"into {name}"], "Normalised": found[name]}
    if part.endswith("feed_forward"):
        inner, output = found[f"into {part}.W_2"], found[f"{part}.W_2"]
        return {"Inner, after ReLU": inner, "Output": output}
    if part.endswith("attention"):
        return attention(found, part)
    hidden = found[f"decoder.{BLOCKS - 1}.feed_forward_norm.norm"]
    logits = found["logits"].clone()
    logits[:, [0, 2]] = -math.inf  # <pad> and <s> are never generated
    outputs = {"Hidden state": hidden, "Logits": logits, "Probabilities": logits.softmax(-1)}
    del outputs["Probabilities" if part == "output" else "Hidden state"]
    return outputs


def attention(found: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    size = found[f"{part}.W_q"].size(-1) // HEADS
    mine = slice(HEAD * size, (HEAD + 1) * size)
    q, k, v = (found[f"{part}.W_{letter}"][:, mine] for letter in "qkv")
    hidden = torch.ones(len(q), len(k), dtype=torch.bool).triu(1)
    scores, weights = q @ k.T, found[f"weights of {part}"][HEAD].clone()
    if part.startswith("decoder") and "self" in part:
        scores[hidden] = weights[hidden] = math.nan
    joined = found[f"into {part}.W_o"]
    scaled, output = scores / math.sqrt(size), found[f"{part}.W_o"]
    values = [q, k, v, scores, scaled, weights, joined[:, mine], joined, output]
    return dict(zip(ATTENTION, values, strict=True))


def at_step(page: Page) -> list[str]:
    """Choose the step and the head that are compared; give the input tokens of the decoder."""
    page.get_by_label("Decoder step").select_option(str(STEP))
    open_part(page, "encoder.0.self_attention")
    page.locator(".model-map-panel").get_by_label("Head").select_option(str(HEAD))
    return page.locator(".model-map-diagram .target span").all_inner_texts()


BOXES = """parts => parts.map((part) => {
    const { top, right, height } = part.getBoundingClientRect();
    return [top, right, height];
})"""
COVERED = """cell => {
    const foot = document.querySelector(".model-map-foot").getBoundingClientRect();
    return cell.getBoundingClientRect().bottom > foot.top + 1;
}"""
NORM = "decoder.0.cross_attention_norm"


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_by_keyboard_alone(open_map: Callable[..., Page]) -> None:
    page = open_map()
    page.locator(f"[data-part='{NORM}']").focus()
    press(page, "Enter")
    title = page.get_by_role("heading", name="Decoder, block 1: add & norm")
    expect(title).to_be_focused()
    expect(page.locator(f"[data-part='{NORM}']")).to_have_attribute("aria-expanded", "true")
    press(page, "Tab", "Tab", "Tab", "Tab", "Tab")  # close, chapter, part before, part after, tab
    expect(page.get_by_role("tab", name="Normalised")).to_be_focused()
    press(page, "ArrowLeft")
    expect(page.get_by_role("tab", name="Sum")).to_be_focused()
    expect(page.get_by_role("tab", name="Sum")).to_have_attribute("aria-selected", "true")
    press(page, "Tab", "Control+Home")
    cells = page.locator(".model-map-scroller td")
    expect(cells.first).to_be_focused()
    worked = page.locator(".model-map-worked")
    expect(worked).to_have_text(re.compile("^“<s>”, component 1: x \\+ sublayer"))
    press(page, "ArrowRight", "ArrowDown")
    expect(worked).to_have_text(re.compile("^“[^<]+, component 2: x \\+ sublayer"))
    press(page, "End", "ArrowRight", "ArrowUp", "ArrowUp")
    expect(cells.nth(15)).to_be_focused()
    assert page.locator(".model-map-scroller td[tabindex='0']").count() == 1
    press(page, "Escape")
    expect(page.locator(".model-map-panel")).to_be_hidden()
    expect(page.locator(f"[data-part='{NORM}']")).to_be_focused()
    expect(page.locator(f"[data-part='{NORM}']")).to_have_attribute("aria-expanded", "false")


def test_the_parts_follow_each_other(open_map: Callable[..., Page]) -> None:
    page = open_map()
    open_part(page, "encoder.embedding")
    seen = []
    for _ in range(1 + 4 * BLOCKS + 1 + 6 * BLOCKS + 2):
        seen.append(page.locator("[aria-expanded='true']").get_attribute("data-part"))
        page.get_by_role("button", name="Next part").click()
    parts = page.locator("[data-part]").evaluate_all("all => all.map((part) => part.dataset.part)")
    assert seen == parts
    page.get_by_role("button", name="Previous part").click()
    expect(page.locator("[data-part='output']")).to_have_attribute("aria-expanded", "true")


def follow(page: Page, which: int) -> list[tuple[str | None, str]]:
    """From the probability of the next token back to where nothing comes before."""
    open_part(page, "softmax")
    origins, visited = page.locator(".model-map-from button"), []
    while True:
        part = page.locator("[aria-expanded='true']").get_attribute("data-part")
        visited.append((part, page.get_by_role("tab", selected=True).inner_text()))
        if not origins.count():
            return visited
        if visited[-1] in [("decoder.1.feed_forward_norm", "Sum"), ("decoder.embedding", "Sum")]:
            added(page)
        origins.nth(which % origins.count()).click()
        expect(page.locator(".model-map-scroller [aria-selected='true']")).to_be_focused()


def added(page: Page) -> None:
    """The sum that is chosen is that of its two origins."""
    cell = page.locator(".model-map-scroller [aria-selected='true']")
    origins = page.locator(".model-map-from button")
    where = page.locator("[aria-expanded='true']").get_attribute("data-part") or ""
    place = "cell => [cell.parentElement.sectionRowIndex, cell.cellIndex - 1]"
    total, at, parts = float(cell.get_attribute("data-value") or "nan"), cell.evaluate(place), []
    for i in range(2):
        origins.nth(i).click()
        assert cell.evaluate(place) == at
        parts.append(float(cell.get_attribute("data-value") or "nan"))
        open_part(page, where)
        page.get_by_role("tab", name="Sum").click()
        page.locator(".model-map-scroller tbody tr").nth(at[0]).locator("td").nth(at[1]).click()
    assert sum(parts) == pytest.approx(total)


def test_a_number_can_be_followed_back_to_the_tokens(open_map: Callable[..., Page]) -> None:
    page = open_map()
    page.get_by_label("Decoder step").select_option("1")
    first, last = follow(page, 0), follow(page, -1)
    start = [("softmax", "Probabilities"), ("softmax", "Logits"), ("output", "Hidden state")]
    residual = ["decoder.1.feed_forward_norm", "decoder.1.cross_attention_norm"]
    residual += ["decoder.1.self_attention_norm", "decoder.0.feed_forward_norm"]
    residual += ["decoder.0.cross_attention_norm", "decoder.0.self_attention_norm"]
    steps = [(part, name) for part in residual for name in ("Normalised", "Sum")]
    end = [("decoder.embedding", "Sum"), ("decoder.embedding", "Embedding · √d_model")]
    assert first == [*start, *steps, *end]
    sublayers = [part for part, name in last if name in ("Layer output", "Output")]
    assert sublayers == ["decoder.1.feed_forward", "decoder.1.cross_attention"] + [
        f"encoder.{block}.{sublayer}"
        for block in (1, 0)
        for sublayer in ("feed_forward", "self_attention")
    ]
    names = [name for part, name in last if part == "decoder.1.cross_attention"]
    assert names == ["Layer output", "Concatenation", "Head output", "V"]
    assert last[-1] == ("encoder.embedding", "Positional encoding")


def test_the_map_follows_the_translation(open_map: Callable[..., Page]) -> None:
    page = open_map()
    target = page.locator(".model-map-diagram .target")
    shape = page.locator("[data-part='decoder.embedding'] .model-map-shape")
    page.get_by_role("button", name="Start again").click()
    expect(target).to_have_text("<s>")
    expect(shape).to_have_text("1 × 16")
    open_part(page, "decoder.0.self_attention")
    page.get_by_role("button", name="Next token").click()
    expect(page.get_by_role("button", name="Next token")).to_be_in_viewport()  # no jump to the map
    written = page.locator(".playground-output").inner_text().split()[0]
    expect(shape).to_have_text("2 × 16")
    assert page.locator(".model-map-scroller tbody th").all_inner_texts() == ["<s>", written]
    page.get_by_label("Decoder step").select_option("0")
    expect(target).to_have_text("<s>")
    expect(page.locator(".model-map-next p")).to_have_text(written)
    page.get_by_role("button", name="Next token").click()
    expect(target).to_have_text("<s>")  # the chosen step is kept
    page.get_by_role("button", name="Start again").click()
    page.get_by_label("Decoder step").select_option("the last")
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(shape).not_to_have_text("1 × 16")


def test_an_ablated_head_adds_nothing(open_map: Callable[..., Page]) -> None:
    page = open_map()
    page.get_by_text("Ablate heads").click()
    page.get_by_label("Encoder self-attention, layer 1, head 2").uncheck()
    open_part(page, "encoder.0.self_attention")
    page.get_by_role("tab", name="Concatenation").click()
    cells = page.locator(".model-map-scroller tbody tr").first.locator("td")
    values = cells.evaluate_all("cells => cells.map((cell) => Number(cell.dataset.value) === 0)")
    assert [i for i, zero in enumerate(values) if zero] == [4, 5, 6, 7]
    cells.nth(5).click()
    expect(page.locator(".model-map-worked")).to_have_text(
        "component 2 of the output of head 2, which is ablated, for “They” = 0.00"
    )


def test_a_token_that_is_written_moves_no_focus_and_is_said_once(
    open_map: Callable[..., Page],
) -> None:
    page = open_map()
    page.get_by_role("button", name="Start again").click()
    open_part(page, "decoder.1.cross_attention")
    chosen = page.locator(".model-map-scroller [aria-selected='true']")
    chosen.focus()
    page.evaluate(
        """() => [...document.querySelectorAll("button")]
            .find((button) => button.textContent === "Next token").click()"""
    )
    expect(chosen).to_be_focused()
    worked = page.locator(".model-map-worked")
    expect(worked).to_have_attribute("aria-live", "off")  # the token is said elsewhere
    page.keyboard.press("ArrowLeft")
    expect(worked).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_shows_one_column_and_never_scrolls_sideways(
    open_map: Callable[..., Page], width: int
) -> None:
    page = open_map(viewport={"width": width, "height": 800}, has_touch=True, is_mobile=True)
    boxes = page.locator("[data-part]").evaluate_all(BOXES)
    assert [top for top, *_ in boxes] == sorted(top for top, *_ in boxes)
    assert max(right for _, right, _ in boxes) <= width
    assert min(height for *_, height in boxes) >= 44
    for part in ("decoder.1.cross_attention", "decoder.1.feed_forward", "softmax"):
        open_part(page, part)
        cell = page.locator(".model-map-scroller [aria-selected='true']")
        expect(cell).to_be_in_viewport()
        expect(page.locator(".model-map-worked")).to_be_in_viewport()
        assert cell.evaluate(COVERED) is False
        for name in tabs(page):
            page.get_by_role("tab", name=name, exact=True).tap()
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_memory_and_the_residual_connections_are_drawn(open_map: Callable[..., Page]) -> None:
    page = open_map(viewport={"width": 1280, "height": 900})
    wires = page.locator(".model-map-wires")
    expect(wires.locator(".memory")).to_have_count(BLOCKS)
    expect(wires.locator(".residual")).to_have_count(2 * BLOCKS + 3 * BLOCKS)
    memory = page.locator(".model-map-memory").bounding_box()
    for block in range(BLOCKS):
        wire = wires.locator(".memory").nth(block).bounding_box()
        part = page.locator(f"[data-part='decoder.{block}.cross_attention']").bounding_box()
        assert memory
        assert wire
        assert part
        assert wire["x"] == pytest.approx(memory["x"] + memory["width"], abs=5)
        assert wire["x"] + wire["width"] == pytest.approx(part["x"], abs=5)


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_pictures_have_the_colours_of_the_scheme(
    open_map: Callable[..., Page], scheme: str
) -> None:
    page = open_map()
    page.evaluate(f"document.body.dataset.mdColorScheme = {scheme!r}")
    page.get_by_role("button", name="Start again").click()
    strip = page.locator("[data-part='decoder.0.cross_attention'] .model-map-heads canvas").first
    most = "c => [...c.getContext('2d').getImageData(0, 0, c.width, 1).data]"
    pixels = strip.evaluate(most)
    strongest = max(range(0, len(pixels), 4), key=lambda i: pixels[i + 3])
    weights = {"default": [163, 67, 127, 255], "slate": [224, 139, 192, 255]}
    assert pixels[strongest : strongest + 4] == pytest.approx(weights[scheme], abs=2)


def test_each_part_leads_to_the_chapter_that_explains_it(
    open_map: Callable[..., Page], built: Build
) -> None:
    page = open_map()
    for part in page.locator("[data-part]").all():
        part.click()
        link = page.locator(".model-map-panel .playground-note a")
        address = (link.get_attribute("href") or "").removeprefix("http://localhost/")
        name, _, anchor = address.partition("#")
        assert f'id="{anchor}"' in built.page(name.strip("/"))


def test_every_number_of_every_part_is_that_of_pytorch(
    open_map: Callable[..., Page], translator: Translator
) -> None:
    page = open_map()
    target = at_step(page)
    assert len(target) == STEP + 1
    found = recorded(translator, target)
    parts = [part.get_attribute("data-part") or "" for part in page.locator("[data-part]").all()]
    assert len(parts) == (1 + 4 * BLOCKS) + (1 + 6 * BLOCKS) + 2
    for part in parts:
        open_part(page, part)
        wanted = expected(translator, found, part)
        assert tabs(page) == list(wanted)
        for name, matrix in wanted.items():
            page.get_by_role("tab", name=name, exact=True).click()
            columns = page.locator(".model-map-scroller thead tr").last.locator("th")
            if name in ("Logits", "Probabilities"):
                ids = [vocabulary(translator).index(token) for token in columns.all_inner_texts()]
                assert ids[-1] in found["logits"][-1].topk(10).indices
                matrix = matrix[:, ids]
            cells = page.evaluate(CELLS)
            compare(cells, matrix, f"{part}, {name}")


def compare(cells: list[list[dict[str, str]]], matrix: Tensor, where: str) -> None:
    """Each cell, and what its arithmetic comes to, is that of the matrix, with two digits."""
    assert len(cells) == len(matrix), where
    for row, values in zip(cells, matrix.tolist(), strict=True):
        for cell, value in zip(row, values, strict=True):
            if math.isnan(value):
                assert (cell["value"], cell["shown"]) == (None, "masked"), where
                assert "the causal mask hides it" in cell.get("text", "the causal mask hides it")
                continue
            assert float(cell["value"]) == pytest.approx(value, abs=1e-4, rel=1e-4), where
            if "text" not in cell:
                continue
            assert float(cell["result"]) == pytest.approx(value, abs=1e-4, rel=1e-4), where
            assert abs(number(cell["shown"]) - value) < 0.0051, where
            assert cell["text"].endswith(f" = {cell['shown']}"), cell["text"]
            for side in sides(cell["text"]):
                assert side == pytest.approx(value, abs=0.15, rel=0.1), f"{where}: {cell['text']}"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def sides(text: str) -> list[float]:
    """What each numerical side of an equation comes to, with the two digits that it shows."""
    text = re.sub(r" \([^()]*(?:more terms?|the bias|the largest)[^()]*\)", "", text)
    for mark, python in [("−", "-"), ("·", "*"), ("^", "**"), ("√", "sqrt "), ("e**", "exp")]:
        text = text.replace(mark, python)
    text = re.sub(r"sqrt (\d+)", r"sqrt(\1)", text)
    names = {name: getattr(math, name) for name in ("sqrt", "exp", "sin", "cos")} | {"max": max}
    values = []
    for side in text.split(" = "):
        if re.fullmatch(r"(?:[-\d.+*/(), ]|sqrt|exp|sin|cos|max)+", side.rpartition(": ")[2]):
            values.append(eval(side.rpartition(": ")[2], {"__builtins__": {}}, names))
    assert len(values) >= 2 or "component" in text, text
    return values
