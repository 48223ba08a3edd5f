"""What tests of <attention-stepper> do on a page, and what PyTorch makes of the same numbers."""

from __future__ import annotations

import math
import random
import re
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import torch
from playwright.sync_api import Locator, Page, expect

STEPS = ["Project", "Score", "Scale", "Mask", "Softmax", "Weighted sum"]
COPYING = {"permissions": ["clipboard-read", "clipboard-write"]}
TABLES = """panel => [...panel.querySelectorAll("table")].map(table => [
    table.caption.textContent.split(":")[0],
    [...table.tBodies[0].rows].map(
        row => [...row.querySelectorAll("td")].map(cell => cell.dataset.value)
    ),
])"""
Tables = dict[str, list[torch.Tensor]]


def stepper(page: Page) -> Locator:
    return page.locator("attention-stepper").first


def tab(page: Page, name: str) -> Locator:
    return stepper(page).get_by_role("tab", name=name)


def grid(page: Page, name: str) -> Locator:
    return stepper(page).get_by_role("grid", name=name, exact=True)


def cell(page: Page, name: str, row: int, column: int) -> Locator:
    return grid(page, name).locator("tbody tr").nth(row).get_by_role("gridcell").nth(column)


def field(page: Page, name: str, row: int, column: int) -> Locator:
    place = f"component {column + 1}" if name == "Token" else f"row {row + 1}, column {column + 1}"
    name = f"Token {row + 1}" if name == "Token" else name
    return stepper(page).get_by_label(f"{name}, {place}", exact=True)


def worked(page: Page) -> str:
    return stepper(page).locator(".attention-stepper-worked").inner_text()


def shown(page: Page, name: str) -> list[list[str]]:
    """What a table shows."""
    rows = grid(page, name).locator("tbody tr").all()
    return [row.get_by_role("gridcell").all_inner_texts() for row in rows]


def all_steps(page: Page) -> Tables:
    """Every table of every step, in full precision; under each name, one for each head."""
    tables: Tables = {}
    for name in STEPS:
        tab(page, name).click()
        found: Tables = {}
        for caption, values in stepper(page).get_by_role("tabpanel").evaluate(TABLES):
            numbers = [[float(value) for value in row] for row in values]
            found.setdefault(caption, []).append(torch.tensor(numbers, dtype=torch.float64))
        for caption, matrices in found.items():
            for one, other in zip(tables.setdefault(caption, matrices), matrices, strict=True):
                assert torch.equal(one, other), f"{caption} is another in the step {name}"
    return tables


def by_torch(x: Any, w_q: Any, w_k: Any, w_v: Any, heads: int, causal: bool) -> Tables:
    """What every table should hold."""
    x, w_q, w_k, w_v = (torch.tensor(m, dtype=torch.float64) for m in (x, w_q, w_k, w_v))
    q, k, v = ((x @ w).unflatten(-1, (heads, -1)).transpose(0, 1) for w in (w_q, w_k, w_v))
    scores = q @ k.mT
    scaled = scores / math.sqrt(k.size(-1))
    later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    masked = scaled.masked_fill(later, -math.inf) if causal else scaled
    weights = masked.softmax(-1)
    mask = ~later if causal else None
    output = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    both = [output.transpose(0, 1).flatten(1)] if heads > 1 else []
    return {
        "Q": [*q],
        "K": [*k],
        "V": [*v],
        "Scores": [*scores],
        "Scaled scores": [*scaled],
        "Masked scores": [*masked],
        "A": [*weights],
        "Output": [*output, *both],
    }


def assert_equal(found: Tables, expected: Tables) -> None:
    assert found.keys() == expected.keys()
    for name, matrices in expected.items():
        for one, other in zip(found[name], matrices, strict=True):
            torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12, msg=name)


def type_in(
    page: Page, words: int, width: int, heads: int, causal: bool, seed: int
) -> tuple[Any, Any, Any, Any]:
    """Set everything by hand, to random numbers, and give them: X, W_q, W_k and W_v."""
    draw = random.Random(seed)
    for _ in range(words - 3):
        stepper(page).get_by_role("button", name="Add a token").click()
    for _ in range(3 - words):
        stepper(page).get_by_role("button", name="Remove token 1").click()
    stepper(page).get_by_label("Dimension").select_option(str(width))
    stepper(page).get_by_label("Heads").select_option(str(heads))
    stepper(page).get_by_label("Causal mask").set_checked(causal)
    matrices = []
    for name, height in [("Token", words), ("W_q", width), ("W_k", width), ("W_v", width)]:
        matrix = [[round(draw.gauss(0, 1.5), 3) for _ in range(width)] for _ in range(height)]
        for row, numbers in enumerate(matrix):
            for column, number in enumerate(numbers):
                field(page, name, row, column).fill(str(number))
        matrices.append(matrix)
    x, w_q, w_k, w_v = matrices
    return x, w_q, w_k, w_v


def copied(page: Page) -> str:
    stepper(page).get_by_role("button", name="Copy as PyTorch").click()
    expect(stepper(page).get_by_role("button", name="Copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def run(code: str) -> tuple[list[torch.Tensor], str]:
    """Run a snippet, and give the tensors that it prints, in full precision, and its last line."""
    out = StringIO()
    torch.set_printoptions(precision=17, sci_mode=False)
    try:
        with redirect_stdout(out):
            exec(compile(code, "snippet", "exec"), {})
    finally:
        torch.set_printoptions(profile="default")
    names = {"tensor": torch.tensor, "torch": torch}
    tensors = re.findall(r"^tensor\(.*?float64\)$", out.getvalue(), re.MULTILINE | re.DOTALL)
    return [eval(tensor, names) for tensor in tensors], out.getvalue().splitlines()[-1]
