"""A language model with its tokenizer: prompts, streams, special tokens, and its folder."""

import json

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from attention.errors import BadInput
from attention.generation.sampling import Sampler
from attention.models.llama import Llama, LlamaConfig
from attention.tasks.language_modelling import LanguageModel
from attention.tokenizers.byte_bpe import train_byte_bpe

TEXT = "The agreement on the European Economic Area was signed in August 1992 .\n\nÇa va? 🙂\n" * 8
SIZES = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 32}
GREEDY = Sampler(temperature=0)


@pytest.fixture
def language_model() -> LanguageModel:
    return LanguageModel.new("gpt", [TEXT], subwords=260, **SIZES)


def chat_model(bos: str | None = "<bos>", ends: tuple[str, ...] = ("<end>", "<turn>")):
    """As of Llama 3: the tokenizer begins a text with BOS, and several tokens end a text or a turn.

    Args:
        bos: The token that begins a text.
        ends: Those that end one.
    """
    tokenizer = train_byte_bpe([TEXT], 260)
    tokenizer.add_special_tokens(["<bos>", "<end>", "<turn>"])
    bos_id = None if bos is None else tokenizer.token_to_id(bos)
    if bos_id is not None:
        template = TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, bos_id)])
        tokenizer.post_processor = template
    torch.manual_seed(0)
    model = Llama(LlamaConfig(tokenizer.get_vocab_size(), **SIZES))
    model.tokenizer = tokenizer
    return LanguageModel("llama", model, bos_id, [tokenizer.token_to_id(end) for end in ends])


def always(language_model: LanguageModel, token: str) -> LanguageModel:
    """The same, but its most probable next token is always `token`."""
    vocab_size = language_model.model.config.vocab_size
    favoured = torch.zeros(vocab_size)
    favoured[language_model.tokenizer.token_to_id(token)] = 1.0
    language_model.model.logits = lambda x: favoured.expand(*x.shape[:-1], vocab_size)
    return language_model


def spelled(language_model: LanguageModel, ids: torch.Tensor) -> str:
    return language_model.tokenizer.decode(ids.tolist(), skip_special_tokens=False)


def test_in_gpt_2_one_token_separates_texts(language_model):
    ids = language_model.encode_corpus(["a", "b"])
    assert spelled(language_model, ids) == "<|endoftext|>a<|endoftext|>b<|endoftext|>"


def test_in_llama_a_text_has_one_token_at_each_end():
    ids = chat_model().encode_corpus(["a", "b"])
    assert spelled(chat_model(), ids) == "<bos>a<end><bos>b<end>"


def test_without_a_bos_token_one_token_separates_texts():
    model = chat_model(bos=None)
    assert spelled(model, model.encode_corpus(["a", "b"])) == "<end>a<end>b<end>"


def test_a_bos_token_that_ends_texts_too_separates_them():
    model = chat_model(bos="<turn>")
    assert spelled(model, model.encode_corpus(["a", "b"])) == "<turn>a<turn>b<turn>"


def test_without_special_tokens_texts_are_concatenated():
    model = chat_model(bos=None, ends=())
    assert spelled(model, model.encode_corpus(["a", "b"])) == "ab"


def test_a_special_token_in_a_text_is_ordinary_text(language_model):
    ids = language_model.encode_corpus(["a<|endoftext|>b"])
    assert (ids == language_model.eos_ids[0]).sum() == 2


@pytest.mark.parametrize("end", ["<end>", "<turn>"])
def test_every_eos_token_ends_a_stream(end):
    assert list(always(chat_model(), end).stream("a", 9, GREEDY)) == []
    assert len(list(always(chat_model(), "a").stream("a", 9, GREEDY))) == 9


def test_every_eos_token_is_saved(tmp_path):
    model = chat_model()
    model.save(tmp_path)
    again = LanguageModel.load(tmp_path)
    assert again.eos_ids == model.eos_ids
    assert again.bos_id == model.bos_id
    assert len(again.eos_ids) == 2


def test_a_model_without_special_tokens_is_saved(tmp_path):
    chat_model(bos=None, ends=()).save(tmp_path)
    again = LanguageModel.load(tmp_path)
    assert (again.bos_id, again.eos_ids) == (None, [])
    with pytest.raises(BadInput, match="the prompt is empty"):
        again.encode_prompt("")


def test_truncation_and_padding_of_a_tokenizer_are_disabled(language_model, tmp_path):
    language_model.save(tmp_path)
    prompt = "The agreement on the European"
    expected = language_model.encode_prompt(prompt)
    assert len(expected) > 3
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=30, pad_id=7)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = LanguageModel.load(tmp_path)
    assert again.encode_prompt(prompt) == expected
    corpus = [prompt, "The"]
    assert torch.equal(again.encode_corpus(corpus), language_model.encode_corpus(corpus))


def test_the_number_of_new_tokens(language_model):
    model = always(language_model, "a")
    assert list(model.stream("The", 0, GREEDY)) == []
    assert "".join(model.stream("The", 5, GREEDY)) == "aaaaa"
    room = SIZES["max_len"] - len(model.encode_prompt("The")) + 1
    assert "".join(model.stream("The", sampler=GREEDY)) == "a" * room, "as many as there is room"
    assert "".join(model.stream("The", room, GREEDY)) == "a" * room
    for bad in (room + 1, -1):
        with pytest.raises(BadInput, match=f"{bad} new tokens: from 0 to {room} fit"):
            model.stream("The", bad)


def test_at_most_100_tokens_unless_more_are_asked_for():
    sizes = SIZES | {"max_len": 300}
    model = always(LanguageModel.new("gpt", [TEXT], subwords=260, **sizes), "a")
    assert len(list(model.stream("The", sampler=GREEDY))) == 100
    assert len(list(model.stream("The", 150, GREEDY))) == 150


def test_a_stream_withholds_incomplete_characters(language_model):
    """🙂 takes four bytes, and this vocabulary has none of its merges."""
    bytes_of_smile = iter(language_model.tokenizer.encode("🙂").ids)
    model = language_model.model
    vocab_size = model.config.vocab_size
    original = type(model).logits

    def logits(x):
        favoured = torch.zeros_like(original(model, x))
        favoured[..., next(bytes_of_smile)] = 1.0
        return favoured

    model.logits = logits
    assert vocab_size == 260
    assert list(language_model.stream("a", 4, GREEDY)) == ["", "", "", "🙂"]


@pytest.mark.on_cpu(reason="text only")
def test_an_empty_prompt_is_the_token_that_begins_a_text(language_model):
    assert language_model.encode_prompt("") == [language_model.bos_id]


@pytest.mark.on_cpu(reason="text only")
def test_a_prompt_that_cannot_be_encoded_gets_one_line(language_model):
    with pytest.raises(BadInput, match="not UTF-8"):
        language_model.encode_prompt("\udcff")
    with pytest.raises(BadInput, match="the prompt has 33 tokens, but the model takes 32"):
        language_model.encode_prompt("\n?" * 16 + "\n")
    language_model.model.config = LlamaConfig(4)
    with pytest.raises(BadInput, match="embeddings for 4 tokens: they don't belong together"):
        language_model.encode_prompt("The")


def test_a_bert_is_no_causal_language_model():
    with pytest.raises(BadInput, match="bert is no causal language model: only gpt and llama"):
        LanguageModel.new("bert", [TEXT], subwords=260)


def test_a_model_of_another_type_is_named(language_model, tmp_path):
    language_model.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "t5"}))
    with pytest.raises(BadInput, match="model_type is 't5', but only 'gpt2' and 'llama'"):
        LanguageModel.load(tmp_path)


def test_without_a_tokenizer_no_text_can_be_encoded(language_model, tmp_path):
    language_model.save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"tokenizer\.json: no such file"):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("arch", ["gpt", "llama"])
def test_it_is_loaded_as_it_was_saved_and_has_no_dropout(arch, tmp_path):
    more = {"dropout": 0.5} if arch == "gpt" else {}
    made = LanguageModel.new(arch, [TEXT], subwords=260, **SIZES, **more)
    made.model.train()
    made.save(tmp_path)
    again = LanguageModel.load(tmp_path)
    assert again.arch == arch
    assert not any(module.training for module in again.model.modules())
    ids = torch.tensor([again.encode_prompt("The agreement")])
    torch.testing.assert_close(again.model(ids), made.model.eval()(ids))
    assert again.n_parameters == made.n_parameters > 2000


def test_the_seed_draws_the_weights():
    one, same, other = (
        LanguageModel.new("gpt", [TEXT], seed, 260, **SIZES).model.embedding.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
