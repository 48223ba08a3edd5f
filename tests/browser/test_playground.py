"""<translator-playground>: the trained Transformer computes the same in a browser as in PyTorch."""

import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, Route, expect

from attention import Translator, record_attention
from attention.data import toy
from attention.generation.sampling import Sampler
from attention.tasks.decoding import Search
from attention.tokenizers.special_tokens import BOS
from tests.site_fixtures import OpenElement
from tools import lab_runs, playground

LAB = playground.LAB
FOLDER = f"{playground.PLACE}/"
SENTENCE = "The agreement on the European Economic Area was signed in August 1992 ."
TRANSLATION = "L'accord sur la zone économique européenne a été signé en août 1992 ."
OTHERS = {"source": [SENTENCE, "They arrived late ."], "Bahdanau": ["L'accord .", "Ils ."]}
TRANSLATE = """async ([folder, sentences]) => {
    const { Translator } = await import("./assets/model/translator.js");
    const translator = await Translator.load(new URL(folder, location.href));
    return sentences.map((sentence) => {
        const translation = translator.translate(sentence);
        const weights = translator.model.layers.map(({ name, heads }) =>
            Array.from({ length: heads }, (_, head) => translation.weights(name, head)));
        return { text: translation.text, weights, logits: translation.steps.map((s) => s.logits) };
    });
}"""
# The worker that runs this lab has its weights, so the Transformer is trained once for all.
pytestmark = [
    pytest.mark.xdist_group(LAB.name),
    pytest.mark.on_cpu(reason="a browser, and the weights of a lab"),
]


@pytest.fixture(scope="module")
def trained() -> Path:
    """The folder of the translator that the chapter trains, 32 bits a weight."""
    return lab_runs.execute(LAB).with_suffix("") / playground.SAVED


@pytest.fixture(scope="module")
def half(trained: Path) -> Path:
    """The folder with the weights that the site publishes."""
    return playground.half_precision(trained)


@pytest.fixture(scope="module")
def translator(trained: Path) -> Translator:
    return Translator.load(trained)


@pytest.fixture
def open_playground(open_element: OpenElement, half: Path) -> Callable[..., Page]:
    """Open a page with the element and its weights; `content` replaces a file, None by nothing."""

    def open_page(
        hash_: str = "", content: dict[str, bytes | None] | None = None, **settings
    ) -> Page:
        html = (
            f"<h1>Test</h1><translator-playground {playground.identity(half)}>A picture."
            "</translator-playground>"
        )
        page = open_element("translator-playground", html, **settings)
        files = {
            **{name: (half / name).read_bytes() for name in playground.NAMES},
            "sentences.json": json.dumps(OTHERS).encode(),
        }
        files |= content or {}

        def answer(route: Route) -> None:
            body = files[route.request.url.partition("?")[0].rpartition("/")[2]]
            if body is None:
                route.fulfill(status=404)
            else:
                route.fulfill(body=body)

        page.route(f"**/{FOLDER}*", answer)
        if hash_:
            page.goto("about:blank")
            page.goto(f"http://localhost/#{hash_}")
        return page

    return open_page


def load(page: Page) -> Page:
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator(".playground-output")).to_be_visible()
    return page


def shown(page: Page) -> str:
    return page.locator(".playground-output").inner_text()


# The same as PyTorch, on the trained weights: random ones hide errors.


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Held-out sentences, those of the book among them."""
    return [*toy.held_out(), *(pair.source for pair in toy.pairs("test", 200))]


def test_every_held_out_sentence_gets_the_same_translation_and_weights(
    open_playground, translator, sentences
):
    found = open_playground().evaluate(TRANSLATE, [FOLDER, sentences])
    translations = translator.translate(sentences)
    assert [one["text"] for one in found] == [one.text for one in translations]
    for one, theirs, sentence in zip(found, translations, sentences, strict=True):
        source = torch.tensor([translator.source_tokenizer.encode(sentence)])
        target = torch.tensor([[BOS, *translator.target_tokenizer.encode(theirs.text)]])
        with record_attention(translator.model) as recorded, torch.no_grad():
            logits = translator.model(source, target)[0]
        # 16 bits have 11 of precision: 0.0005 of a weight near 1, and the errors of a few layers.
        torch.testing.assert_close(torch.tensor(one["logits"]), logits, rtol=0, atol=0.05)
        for layer, weights in zip(one["weights"], recorded.values(), strict=True):
            for head, rows in enumerate(layer):
                padded = [row + [0.0] * (len(rows[-1]) - len(row)) for row in rows]
                torch.testing.assert_close(
                    torch.tensor(padded), weights[0, head], rtol=0, atol=0.005
                )


def test_what_is_published_is_small(half):
    assert sum((half / name).stat().st_size for name in playground.NAMES) < 1_000_000


# What a reader does.


def test_nothing_is_fetched_until_the_reader_asks(open_playground):
    page = open_playground()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    expect(page.locator("translator-playground")).to_contain_text("A picture.")
    expect(page.locator("translator-playground")).to_contain_text("KB")
    assert not requests
    load(page)
    assert shown(page) == TRANSLATION
    assert {url.partition("?")[0].rpartition("/")[2] for url in requests} == {
        *playground.NAMES,
        "sentences.json",
    }


def test_a_sentence_of_the_reader_is_translated_as_it_is_typed(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("They arrived late .")
    assert shown(page) == "Ils sont arrivés en retard ."


def test_unknown_words_are_named_and_near_ones_offered(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("They arrivd late .")
    note = page.locator(".playground-sentence .playground-note")
    expect(note).to_contain_text("“arrivd” is not in the vocabulary")
    note.get_by_role("button", name="arrived", exact=True).click()
    expect(page.get_by_label("English sentence")).to_have_value("They arrived late .")
    expect(note).to_be_empty()
    assert shown(page) == "Ils sont arrivés en retard ."


@pytest.mark.parametrize(
    ("text", "unknown", "known", "mended"),
    [
        ("the arrivd th .", "“th”", "the", "the arrivd the ."),
        ("They arrive\u0301d late .", "“arrivéd”", "arrived", "They arrived late ."),
    ],
    ids=["part of another word", "a combining accent"],
)
def test_a_near_word_comes_in_the_place_of_the_unknown_one_alone(
    text, unknown, known, mended, open_playground
):
    page = load(open_playground())
    page.get_by_label("English sentence").fill(text)
    line = page.locator(".playground-sentence .playground-note > span").filter(has_text=unknown)
    line.get_by_role("button", name=known, exact=True).click()
    expect(page.get_by_label("English sentence")).to_have_value(mended)


@pytest.mark.parametrize(
    ("text", "message"), [("", "Type an English"), ("the " * 41, "41 tokens")], ids=["none", "long"]
)
def test_a_sentence_that_cannot_be_translated_says_why_and_loses_nothing(
    text, message, open_playground
):
    page = load(open_playground())
    page.get_by_label("English sentence").fill(text)
    expect(page.locator(".playground-sentence .playground-note")).to_contain_text(message)
    assert shown(page) == TRANSLATION


def test_the_last_word_is_completed_from_the_vocabulary(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("The agreem")
    options = page.locator("datalist option").evaluate_all("all => all.map(one => one.value)")
    assert options[0] == "The agreement"


def test_it_writes_token_by_token_and_says_each(open_playground):
    page = load(open_playground())
    page.get_by_role("button", name="Start again").click()
    assert shown(page) == "…"
    for text in ("L' …", "L'accord …"):
        page.get_by_role("button", name="Next token").click()
        assert shown(page).replace("' ", "'") == text.replace("' ", "'")
    said = page.locator("translator-playground > .hidden")
    expect(said).to_have_text(re.compile(r"accord, attended most to agreement, 0\.\d\d"))


def test_it_plays_to_the_end(open_playground):
    page = open_playground()
    page.clock.install()
    load(page)
    page.get_by_role("button", name="Play").click()
    assert shown(page) == "…"
    page.clock.run_for(30_000)
    assert shown(page) == TRANSLATION
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_token_that_the_reader_chooses_is_written_instead(open_playground, translator):
    page = load(open_playground())
    page.get_by_role("button", name="Start again").click()
    second = page.locator(".playground-next tbody button").nth(1)
    token = second.inner_text()
    second.click()
    assert shown(page).startswith(token)
    page.get_by_role("button", name="Translate").click()
    assert shown(page) != TRANSLATION
    assert not shown(page).endswith("…")


def test_an_ablated_head_changes_the_translation_as_it_does_in_pytorch(open_playground, trained):
    page = load(open_playground())
    page.get_by_text("Ablate heads").click()
    ablated = Translator.load(trained)
    for layer, title in [
        ("decoder.0.cross_attention", "Encoder-decoder attention, layer 1"),
        ("decoder.1.cross_attention", "Encoder-decoder attention, layer 2"),
    ]:
        for head in range(4):
            page.get_by_label(f"{title}, head {head + 1}").uncheck()
        ablated.model.get_submodule(layer).W_o.weight.data.zero_()
    translation = ablated.translate([SENTENCE])[0].text
    assert translation != TRANSLATION
    assert shown(page) == translation
    expect(page.get_by_text(f"With all heads: {TRANSLATION}")).to_be_visible()


def test_beam_search_finds_what_the_package_finds(open_playground, translator, sentences):
    page = load(open_playground())
    page.get_by_label("Decoding").select_option("beam")
    page.get_by_label("beam size").fill("4")
    for sentence in sentences[:12]:
        page.get_by_label("English sentence").fill(sentence)
        found = next(iter(translator.stream([sentence], Search(beam_size=4))))
        assert shown(page) == found.text


def test_the_tree_shows_every_hypothesis_and_the_best_path(open_playground, translator):
    page = load(open_playground())
    page.get_by_label("Decoding").select_option("beam")
    search = Search(beam_size=3, n_best=3)
    hypotheses = next(iter(translator.stream([SENTENCE], search))).hypotheses
    ranking = page.locator(".playground-ranking tbody tr")
    for row, theirs in zip(ranking.all(), hypotheses, strict=True):
        expect(row.get_by_role("rowheader")).to_have_text(theirs.text)
        assert float(row.locator("td").last.inner_text()) == pytest.approx(theirs.score, abs=0.003)
    best = page.locator(".playground-beam text.best").all_text_contents()
    assert best == ["<s>", *hypotheses[0].target, "</s>"]


def test_earlier_translators_are_shown_where_they_have_translated(open_playground):
    page = load(open_playground())
    page.get_by_text("by earlier translators").click()
    expect(page.locator(".playground-comparison")).to_contain_text("Bahdanau's attentionL'accord .")
    page.get_by_label("English sentence").fill("He arrived late .")
    expect(page.locator(".playground-comparison")).to_have_count(0)
    expect(page.get_by_text("made beforehand")).to_be_visible()


def test_temperature_top_k_and_top_p_reshape_as_the_package_does(open_playground, translator):
    logits = [2.0, 1.5, 0.3, 0.2, -1.0, -3.0]
    for temperature, top_k, top_p in [
        (1, 0, 1),
        (0.5, 0, 1),
        (2, 3, 1),
        (1, 0, 0.8),
        (0.7, 4, 0.9),
    ]:
        found = open_playground().evaluate(
            """async ([logits, temperature, topK, topP]) => {
                const { probabilities } = await import("./assets/model/decoding.js");
                return probabilities(logits, { temperature, topK, topP });
            }""",
            [logits, temperature, top_k, top_p],
        )
        sampler = Sampler(temperature, top_k or None, top_p)
        expected = sampler.probabilities(torch.tensor(logits))
        torch.testing.assert_close(torch.tensor(found), expected, rtol=0, atol=1e-6)


def test_a_link_brings_the_experiment_back(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("They arrived late .")
    page.get_by_label("Decoding").select_option("sample")
    page.get_by_label("temperature").fill("2")
    page.get_by_label("seed").fill("7")
    page.get_by_role("combobox", name="Layer").select_option("decoder.0.cross_attention")
    page.get_by_role("button", name="Translate").click()
    before, hash_ = shown(page), page.evaluate("location.hash")
    page = open_playground(hash_.removeprefix("#"))
    expect(page.locator(".playground-output")).to_have_text(before)
    expect(page.get_by_label("English sentence")).to_have_value("They arrived late .")
    expect(page.get_by_role("combobox", name="Layer")).to_have_value("decoder.0.cross_attention")


@pytest.mark.parametrize(
    "hash_",
    [
        "layer=x&head=99&method=y&ablated=z",
        "head=99",
        "head=1.5",
        "text=&seed=q",
        "seed=%E0%A4%A",
        "method=beam&beam=-3",
        "method=beam&beam=9999",
        "method=sample&temperature=1e-320",
        "method=sample&topP=0",
        "method=sample&topK=-5&temperature=0",
    ],
)
def test_a_spoilt_link_opens_what_can_be_understood(hash_, open_playground):
    page = open_playground(hash_)
    expect(page.locator(".playground-output")).to_have_text(TRANSLATION)
    expect(page.get_by_role("button", name="Copy a link")).to_be_visible()
    expect(page.locator("alignment-view")).to_have_count(1)
    expect(page.locator(".playground-next")).not_to_contain_text("NaN")


def test_a_link_to_a_heading_loads_nothing(open_playground):
    page = open_playground("the-language-model")
    expect(page.get_by_role("button", name="Load the model")).to_be_enabled()
    load(page)
    assert page.url.endswith("#the-language-model")


def test_a_link_opens_its_experiment_in_an_open_page(open_playground):
    page = load(open_playground())
    page.get_by_role("button", name="Play").click()
    page.evaluate("location.hash = 'text=They+arrived+late+.&method=beam'")
    expect(page.locator(".playground-output")).to_have_text("Ils sont arrivés en retard .")
    expect(page.get_by_label("Decoding")).to_have_value("beam")
    page.get_by_role("button", name="Start again").click()
    page.evaluate("location.hash = 'how-it-works'")
    page.go_back()
    assert shown(page) == "…"  # it is the same experiment, which isn't begun anew


def test_the_address_changes_only_with_the_settings(open_playground):
    page = open_playground()
    page.evaluate("void (history.replaceState = () => { throw new Error('refused'); })")
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(error.message))
    load(page)
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Next token").click()
    page.get_by_role("button", name="Translate").click()
    assert not failed
    page.evaluate(
        "void (navigator.clipboard.writeText = async (text) => { window.copied = text; })"
    )
    page.get_by_label("English sentence").fill("They arrived late .")  # as a browser may refuse it
    page.get_by_role("button", name="Copy a link").click()
    assert page.evaluate("copied").endswith("#text=They+arrived+late+.")


def test_the_focus_stays_in_the_table_whose_token_was_chosen(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("They arrived late .")
    page.get_by_role("button", name="Start again").click()
    buttons = page.locator(".playground-next tbody button")
    buttons.first.focus()
    page.keyboard.press("Enter")
    expect(buttons.first).to_be_focused()
    while shown(page).endswith("…"):
        page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="The next token")).to_be_focused()


def test_the_reader_who_has_gone_on_keeps_the_focus(open_playground):
    page = open_playground()
    page.evaluate("document.querySelector('h1').tabIndex = -1")
    held: list[Route] = []
    page.route("**/sentences.json*", lambda route: held.append(route))
    with page.expect_request("**/sentences.json*"):
        page.get_by_role("button", name="Load the model").click()
    page.locator("h1").focus()
    held[0].fulfill(body=json.dumps(OTHERS))
    expect(page.locator(".playground-output")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()


def test_the_chosen_head_stays_while_tokens_are_written(open_playground):
    page = load(open_playground())
    page.get_by_text("All heads, small").click()
    page.get_by_role("button", name="Start again").click()
    head = page.locator(".head-view-overview input").nth(3)
    head.check(force=True)
    page.evaluate(
        """() => [...document.querySelectorAll("button")]
            .find((button) => button.textContent === "Next token").click()"""
    )
    expect(head).to_be_checked()
    expect(head).to_be_focused()


def test_an_emptied_field_keeps_its_setting(open_playground):
    page = open_playground("method=sample")
    page.get_by_label("top-p").fill("")
    page.get_by_label("top-p").press("Tab")
    expect(page.get_by_label("top-p")).to_have_value("1")


def test_the_query_of_the_latest_token_is_shown_also_if_it_comes_again(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("the agreement on the agreement .")
    page.get_by_role("button", name="Start again").click()
    written: list[str] = []
    while not written or len(set(written)) == len(written):
        page.get_by_role("button", name="Next token").click()
        labels = page.locator("alignment-view .alignment-view-written label")
        written = labels.all_inner_texts()[:-1]
    expect(labels.nth(len(written) - 1)).to_have_attribute("data-current", "")


def test_a_translation_that_is_cut_off_does_not_say_that_it_has_ended(open_playground):
    page = load(open_playground())
    page.get_by_label("English sentence").fill("late")
    page.get_by_role("button", name="Start again").click()
    said = page.locator("translator-playground > .hidden")
    token = page.locator(".playground-next tbody button")
    for _ in range(11):  # of 12 tokens, the most
        token.filter(has_not_text="</s>").first.click()
    page.get_by_role("button", name="Next token").click()
    assert not shown(page).endswith("…")
    last = page.locator("alignment-view .alignment-view-written label").last.inner_text()
    expect(said).to_have_text(re.compile(rf"^{re.escape(last)}, attended most"))


def test_without_a_head_in_a_layer_nothing_is_added(open_playground):
    heads = ",".join(f"decoder.0.cross_attention.{head}" for head in range(4))
    page = open_playground(f"ablated={heads}")
    page.get_by_text("All heads, small").click()
    expect(page.locator("head-view")).to_be_visible()
    assert "NaN" not in (page.locator("translator-playground").text_content() or "")


def test_a_long_word_makes_no_page_scroll_sideways(open_playground):
    page = load(open_playground(viewport={"width": 390, "height": 844}))
    page.get_by_label("English sentence").fill("a" * 400 + " arrived .")
    page.get_by_text("Map of the whole model").click()
    page.locator("[data-part='decoder.0.cross_attention']").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# What can go wrong.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model.safetensors": None}, "the server answers 404"),
        ({"translator.json": None}, "the server answers 404"),
        ({"model.safetensors": b"cut"}, "incomplete"),
        ({"translator.json": b"{"}, "incomplete"),
        ({"translator.json": b'{"arch": "luong"}'}, "another version"),
    ],
    ids=["missing", "no vocabulary", "cut", "half a vocabulary", "another model"],
)
def test_a_bad_file_is_told_and_can_be_tried_again(content, message, open_playground, half):
    page = open_playground(content=content)
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator("translator-playground")).to_contain_text(message)
    page.unroute(f"**/{FOLDER}*")
    good = {name: (half / name).read_bytes() for name in playground.NAMES}
    good["sentences.json"] = json.dumps(OTHERS).encode()
    page.route(
        f"**/{FOLDER}*",
        lambda route: route.fulfill(
            body=good[route.request.url.partition("?")[0].rpartition("/")[2]]
        ),
    )
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".playground-output")).to_have_text(TRANSLATION)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole[:-2], "incomplete"),
        (lambda whole: whole[:-2] + bytes([whole[-2] ^ 1, whole[-1]]), "damaged"),
        (lambda whole: whole.replace(b"crc32", b"crc33", 1), "another version"),
        (lambda whole: whole.replace(b"W_q", b"W_p", 1), "damaged"),
    ],
    ids=["cut", "a bit", "no checksum", "a name"],
)
def test_weights_that_are_not_those_of_this_page_are_refused(
    change, message, open_playground, half
):
    content = {"model.safetensors": change((half / "model.safetensors").read_bytes())}
    page = open_playground(content=content)
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator("translator-playground")).to_contain_text(message)


def test_a_site_without_weights_says_so(open_element):
    page = open_element("translator-playground", "<translator-playground></translator-playground>")
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator("translator-playground")).to_contain_text("built without the model")


def test_no_layout_of_a_phone_overflows(open_playground):
    page = load(open_playground(viewport={"width": 360, "height": 740}))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


# The experiment as Python.


@pytest.mark.parametrize(
    ("head", "ablated"),
    [(-1, ""), (1, ""), (1, "decoder.1.cross_attention.0,encoder.0.self_attention.2")],
    ids=["all heads", "one", "others are ablated"],
)
def test_the_copied_python_computes_the_same(head, ablated, open_playground, half, serve, tmp_path):
    page = open_playground(f"head={head}&ablated={ablated}")
    expect(page.locator(".playground-output")).to_be_visible()
    code, logits, weights = page.evaluate(
        """async ([folder, weights]) => {
            const { asPython, fromHash } = await import("./assets/playground/share.js");
            const { Experiment } = await import("./assets/playground/experiment.js");
            const { Translator } = await import("./assets/model/translator.js");
            const translator = await Translator.load(new URL(weights, location.href));
            const settings = fromHash(location.hash, translator.model.heads);
            const experiment = new Experiment(translator, settings);
            experiment.finish();
            const { translation, settings: { layer, head } } = experiment;
            return [
                asPython(experiment, new URL(folder)),
                translation.logits,
                translation.weights(layer, head < 0 ? undefined : head),
            ];
        }""",
        [f"{serve(half)}/", FOLDER],
    )
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.chdir(tmp_path)
        exec(code, names)
    theirs = names["logits"][0, -1]
    mine = torch.tensor([-torch.inf if x is None else x for x in logits])
    real = mine.isfinite()
    # Loaded with 16 bits, the package keeps its positional encodings in 16 bits, too.
    torch.testing.assert_close(mine[real], theirs[real], rtol=0, atol=0.01)
    heads = names["weights"]["decoder.1.cross_attention"][0]
    layer = heads.mean(dim=0) if head < 0 else heads[head]
    torch.testing.assert_close(torch.tensor(weights), layer, rtol=0, atol=1e-3)
