"""What the page's functions are given of what a client sends, beside files: plain values, and what was chosen on the page."""

import asyncio

import gradio as gr
import pytest

from ppaint.spaces_demo.upload_guard import NOT_PLAIN, NOT_TAKEN, REFUSAL, guard_inputs


def checked(value, component=gr.Textbox):
    """What the guard makes of a value for an input that takes no files."""

    async def run():
        with gr.Blocks(analytics_enabled=False) as page:
            box = component()
            box.change(lambda value: value, box, None, api_visibility="private")
        guard_inputs(page)
        return await page.preprocess_data(page.fns[0], [value], None)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**400, id="huge"),
        pytest.param(-(10**400), id="tiny"),
        float("nan"),
        float("inf"),
        "x" * 10_001,
        [[1]],
        {"path": "/etc/passwd"},
    ],
)
def test_what_is_no_plain_value_is_refused(value):
    with pytest.raises(gr.Error) as caught:
        checked(value)
    assert caught.value.message != REFUSAL and "a text, a number, or a list" in caught.value.message


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_half_a_character_is_refused(text):
    with pytest.raises(gr.Error, match="a text, a number"):
        checked(text)


def looked_at(*told):
    """What a function gets that is told what was chosen, for each thing that a client says that this was: or its refusal."""

    def look(chosen: gr.SelectData, value):
        return [chosen.index, chosen.value, chosen.row_value]

    async def run():  # a page belongs to the loop in which it was built
        with gr.Blocks(analytics_enabled=False) as page:
            box, shown = gr.Textbox(), gr.JSON()
            box.select(look, box, shown, api_visibility="private")
        guard_inputs(page)
        found = []
        for data in told:
            try:
                answer = await page.process_api(page.fns[0], ["a text"], event_data=gr.EventData(box, data))
                found.append(answer["data"][0].root)
            except gr.Error as error:
                assert not error.print_exception
                found.append(error.message)
        return found

    return asyncio.run(run())


CHOSEN = {"index": [0, 2], "value": {"path": "/etc/passwd"}, "row_value": ["a", 1.5], "more": {"path": "/etc/passwd"}}


def test_of_what_was_chosen_the_place_and_the_row_are_taken():
    assert looked_at(CHOSEN, {"index": 3}) == [[[0, 2], None, ["a", 1.5]], [3, None, None]]


def test_a_choice_that_the_page_cannot_send_is_refused():
    places = (None, -1, True, 1.0, "0", [], [0, 0, 0], {"path": "/etc/passwd"})
    wrong = [None, [], "index", {}, *({"index": place} for place in places)]
    assert looked_at(*wrong) == [NOT_TAKEN] * len(wrong)
    assert looked_at({"index": 0, "row_value": {"path": "/etc/passwd"}}) == [NOT_PLAIN]


def test_what_a_component_does_not_take_is_refused_without_its_value():
    for component, value in ((gr.Dropdown, "a word"), (gr.Radio, "a word"), (gr.Slider, None)):
        with pytest.raises(gr.Error) as caught:
            checked(value, component)
        assert caught.value.message == NOT_TAKEN and not caught.value.print_exception


@pytest.mark.parametrize("value", ["x" * 10_000, "", None])
def test_a_plain_value_goes_through(value):
    assert checked(value) == [value]
