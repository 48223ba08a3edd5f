"""Head maps and their markup: tables with the model's own weights and contributions."""

import gzip
from html.parser import HTMLParser

import pytest
import torch

from attention.data import toy
from attention.inspection.head_maps import head_maps
from attention.inspection.head_view import head_view
from attention.layers.recording import record_attention
from attention.tasks.translation import Translator

SOURCE, TARGET = "They arrived late .", "Ils sont arrivés en retard ."
READ, WRITTEN = SOURCE.split(), TARGET.split()
INPUTS = ["<s>", *WRITTEN]
SIZES = {"d_model": 16, "n_heads": 2, "d_ff": 16}


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.new("transformer", toy.pairs("train", 200), **SIZES)


@pytest.fixture(scope="module")
def html(translator: Translator) -> str:
    return head_view(translator, SOURCE, TARGET, padding=2).html


class Tables(HTMLParser):
    """The texts of all cells, by caption, row by row; tags are nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.opened: list[tuple[str, dict[str, str | None]]] = []
        self.caption = ""
        self.french: set[str] = set()
        self.classes: set[tuple[str, str]] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.opened.append((tag, dict(attrs)))
        if tag == "tr":
            next(reversed(self.tables.values())).append([])

    def handle_endtag(self, tag):
        assert self.opened.pop()[0] == tag
        if tag == "caption":
            assert self.caption not in self.tables, "each table has a caption of its own"
            self.tables[self.caption] = []
            self.caption = ""

    def handle_data(self, data):
        tag, attributes = self.opened[-1] if self.opened else ("", {})
        if any(name == "caption" for name, _ in self.opened):
            self.caption += data
        if tag in {"th", "td"}:
            next(reversed(self.tables.values()))[-1].append(data)
            if attributes.get("lang") == "fr":
                self.french.add(data)
            if "class" in attributes:
                self.classes.add((str(attributes["class"]), data))


def table(html: str, start: str) -> list[list[str]]:
    (found,) = [rows for name, rows in Tables(html).tables.items() if name.startswith(start)]
    return found


def test_every_head_of_every_layer_is_there(translator: Translator) -> None:
    maps = head_maps(translator, SOURCE, TARGET)
    places = [(layer.kind, layer.number) for layer in maps]
    assert places == [(kind, n) for kind in ("encoder", "decoder", "cross") for n in (1, 2)]
    shapes = [tuple(layer.weights.shape) for layer in maps]
    assert shapes == [(2, 4, 4)] * 2 + [(2, 7, 7)] * 2 + [(2, 7, 4)] * 2
    assert {tuple(layer.contributions.shape) for layer in maps} == {(2, 4, 16), (2, 7, 16)}


def test_the_weights_are_the_model_s_and_padding_changes_none(translator: Translator) -> None:
    source = torch.tensor([translator.source_tokenizer.encode(SOURCE)])
    target = torch.tensor([[2, *translator.target_tokenizer.encode(TARGET)]])
    with record_attention(translator.model) as recorded:
        translator.model(source, target)
    for padding in (0, 2):
        maps = head_maps(translator, SOURCE, TARGET, padding)
        assert len(maps) == len(recorded)
        for layer in maps:
            module = "cross" if layer.kind == "cross" else "self"
            stack = "encoder" if layer.kind == "encoder" else "decoder"
            name = f"{stack}.{layer.number - 1}.{module}_attention"
            weights = layer.weights[..., : len(layer.keys) - padding]
            torch.testing.assert_close(weights, recorded[name][0].cpu())
            assert not layer.weights[..., len(layer.keys) - padding :].any()


def test_contributions_of_all_heads_sum_to_the_layer_s_output(translator: Translator) -> None:
    outputs = []
    layers = [m for m in translator.model.modules() if hasattr(m, "W_o")]
    hooks = [
        layer.register_forward_hook(lambda _, args, output: outputs.append(output.cpu()))
        for layer in layers
    ]
    maps = head_maps(translator, SOURCE, TARGET, padding=1)
    for hook in hooks:
        hook.remove()
    assert len(outputs) == len(maps) == 6
    by_kind = sorted(maps, key=lambda layer: layer.kind != "encoder")  # as the model runs
    by_kind[2:] = [by_kind[i] for i in (2, 4, 3, 5)]
    for layer, output in zip(by_kind, outputs, strict=True):
        real = output[0, : len(layer.queries)]
        torch.testing.assert_close(layer.contributions.sum(0), real)
        torch.testing.assert_close(layer.output_norms, real.norm(dim=-1))
        torch.testing.assert_close(layer.proportions.sum(0), torch.ones_like(layer.norms[0]))
        torch.testing.assert_close(layer.norms, layer.contributions.norm(dim=-1))


def test_causal_and_padding_masks_are_told_apart(translator: Translator) -> None:
    encoder, _, decoder, _, cross, _ = head_maps(translator, SOURCE, TARGET, padding=1)
    assert [encoder.mask_reason(0, s) for s in range(5)] == ["", "", "", "", "padding"]
    assert [cross.mask_reason(0, s) for s in range(5)] == ["", "", "", "", "padding"]
    assert [decoder.mask_reason(5, s) for s in range(8)] == [*[""] * 6, "future", "future padding"]
    encoder.weights[1, 0, 4] = 0.5  # a model without its mask: the key is not masked
    assert encoder.mask_reason(0, 4) == ""
    assert encoder.mask_reason(1, 4) == "padding"


def test_rows_are_headed_by_input_and_target(html: str) -> None:
    cross = table(html, "Encoder-decoder attention, layer 2, head 1")
    assert cross[0] == ["input", "target", *READ, "<pad>", "<pad>"]
    steps = list(zip(INPUTS, [*WRITTEN, "</s>"], strict=True))
    assert [tuple(row[:2]) for row in cross[1:]] == steps
    decoder = table(html, "Decoder self-attention, layer 1, head 2")
    assert decoder[0] == ["input", "target", *INPUTS, "<pad>", "<pad>"]
    encoder = table(html, "Encoder self-attention, layer 1, head 1")
    assert [row[0] for row in encoder] == ["token", *READ]


def test_cells_show_the_weights_or_why_a_key_is_masked(translator: Translator, html: str) -> None:
    maps = head_maps(translator, SOURCE, TARGET, padding=2)
    decoder = table(html, "Decoder self-attention, layer 2, head 2")
    weights = maps[3].weights[1]
    assert decoder[3][2:] == [
        *(f"{weight:.3f}" for weight in weights[2, :3]),
        *["future"] * 4,
        *["future padding"] * 2,
    ]
    assert Tables(html).classes == {(why, why) for why in ("future", "padding", "future padding")}


def test_each_layer_has_a_table_of_contributions(translator: Translator, html: str) -> None:
    layer = head_maps(translator, SOURCE, TARGET, padding=2)[5]
    head, *rows = table(html, "Encoder-decoder attention, layer 2, after Wo")
    names = ["head 1", "head 2", "sum", "proportion of head 1", "proportion of head 2"]
    assert head == ["input", "target", *names]
    numbers = torch.cat([layer.norms, layer.output_norms[None], layer.proportions]).T
    assert [row[2:] for row in rows] == [[f"{x:.3f}" for x in row] for row in numbers.tolist()]


def test_only_french_is_marked_as_french(html: str) -> None:
    assert Tables(html).french >= {"arrivés", "retard"}
    assert not Tables(html).french & set(READ[:3])


def test_markup_in_words_stays_text(translator: Translator) -> None:
    html = head_view(translator, 'a < b & "c"', "<b>").html
    assert 'label="Attention of each head: a &lt; b &amp; &quot; c &quot;"' in html
    assert table(html, "Encoder self-attention, layer 1, head 1")[0][1:4] == ["a", "<", "b"]


def test_the_pair_that_the_view_opens_on_is_named(translator: Translator) -> None:
    html = head_view(translator, SOURCE, TARGET, pair=("retard", '"late"')).html
    assert ' target="retard" source="&quot;late&quot;" data-search-exclude>' in html
    assert "target=" not in head_view(translator, SOURCE, TARGET).html


def test_the_default_target_is_the_model_s_own_translation(translator: Translator) -> None:
    own = translator.translate([SOURCE])[0].text
    assert head_view(translator, SOURCE).html == head_view(translator, SOURCE, own).html


def test_an_empty_sentence_or_a_model_without_heads_is_refused(translator: Translator) -> None:
    with pytest.raises(ValueError, match="no tokens"):
        head_view(translator, "  ")
    other = Translator.new("bahdanau", toy.pairs("train", 20))
    with pytest.raises(ValueError, match="this is bahdanau"):
        head_view(other, SOURCE)


def test_two_layers_of_four_heads_on_twelve_words_are_small() -> None:
    translator = Translator.new("transformer", toy.pairs("train", 200))
    source = "The agreement on the European Economic Area was signed in August ."
    target = "L'accord sur la zone économique européenne a été signé en ."
    html = head_view(translator, source, target, padding=2).html
    assert len(gzip.compress(html.encode())) < 40_000


def test_a_notebook_displays_the_tables_folded(translator: Translator) -> None:
    view = head_view(translator, SOURCE, TARGET)
    assert view._repr_html_() == view.html
    assert view.html.count("<details") == 3
    assert "Encoder self-attention: 2 layers of 2 heads" in view.html
    assert "padding" not in view.html
