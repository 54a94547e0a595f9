"""Twenty clients at once, and more requests than may wait: is each answer its image's own, does memory grow, how long does a request take?

    python benchmarks/space_load.py --model run/scorer --dataset run/ppaint

``ppaint demo`` in a process of its own. When it has scored the release (before, that would compete), 20 clients (`gradio_client`, a thread each)
send 400 requests to ``score``, each with its upload: 40 images from a seed, 16 x 16 to 12 megapixels, scrolls of 33 and 36 to 1, five formats, each as
often in the first half as in the second, in an order from the seed. Every answer must have, to the last digit, the numbers that ``ppaint score`` gives for
its image alone. Beside it, in the same run: the same files in the same order, opened and scored in a plain loop of one process. Memory is that of the
server's process, two seconds after each half; it may grow by 5 %. Then more requests come at once, by plain HTTP, than may wait: the others must be told
so in words, those taken answered rightly, and the page must be there during and after it. What ``ppaint score`` says of the images alone is kept in the
work folder. Writes benchmarks/results/space_load.json and docs/space-load.md; exits with status 1 if anything is not so.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report_runs import RESULTS, write_result
from scored_alone import by_command, largest_difference_to_batch, plain_loop, same_numbers
from space_clients import Request, ask_all
from space_demo_server import DemoServer, machine, score
from space_flood import Answer, flood
from space_images import write_images
from space_page import load_table, write_page

from ppaint.spaces_demo.limits import BUSY, WAITING

GROWTH = 0.05
SMALL_IMAGE = 2
REST_SECONDS = 2.0


def orders(requests: int, images: int, seed: int) -> list[list[int]]:
    """The image of each request of both halves, each image as often in the one as in the other.

    Examples
    --------
    >>> first, second = orders(12, 3, seed=0)
    >>> sorted(first) == sorted(second) == [0, 0, 1, 1, 2, 2], first == second
    (True, False)
    """
    if requests % (2 * images):
        raise typer.BadParameter(f"{requests} requests are not twice a multiple of {images} images")
    rng, halves = random.Random(seed), []
    for _ in range(2):
        half = list(range(images)) * (requests // (2 * images))
        rng.shuffle(half)
        halves.append(half)
    return halves


def loaded(
    server: DemoServer, images: list[Path], halves: list[list[int]], clients: int
) -> tuple[list[Request], dict[str, Any]]:
    """Both halves of the requests, and what they took."""
    sessions = [server.client() for _ in range(clients)]
    memory = {"before": server.memory()}
    requests, seconds, spent = [], 0.0, server.milestone()["processor seconds"]
    for name, order in zip(("after the first half", "after the second half"), halves, strict=True):
        server.reset_peak()
        done, took = ask_all(sessions, images, order)
        requests += done
        seconds += took
        time.sleep(REST_SECONDS)
        memory[name] = server.memory()
    spent = server.milestone()["processor seconds"] - spent
    for session in sessions:
        session.close()
    first, second = (memory[name]["resident"] for name in ("after the first half", "after the second half"))
    times = [request.seconds for request in requests]
    found = {
        "seconds": round(seconds, 2),
        "server's processor seconds": round(spent, 2),
        "a request, median, s": round(float(np.median(times)), 3),
        "a request, 95th percentile, s": round(float(np.percentile(times, 95)), 3),
        "requests a second": round(len(times) / seconds, 2),
        "memory, MiB": memory,
        "growth": round(second / first - 1, 4),
    }
    return requests, found


def judged(answers: list[tuple[int, dict[str, Any] | None]], alone: list[dict[str, Any]]) -> dict[str, int]:
    """How many answers are their image's own, and how many are not."""
    counts = Counter(
        "failed" if entry is None or "fault" in entry else "right" if same_numbers(entry, alone[place]) else "wrong"
        for place, entry in answers
    )
    return {name: counts[name] for name in ("right", "wrong", "failed")}


def flooded(
    server: DemoServer, images: list[Path], alone: list[dict[str, Any]], count: int, seed: int
) -> dict[str, Any]:
    """More requests at once than may wait, and one afterwards."""
    order = [place % len(images) for place in range(count)]
    random.Random(seed).shuffle(order)
    answers, seconds = flood(server.address, images, order)
    busy = [answer for answer in answers if _told_busy(answer)]
    taken = [(place, answer.entry) for place, answer in zip(order, answers, strict=True) if answer.status == 200]
    client = server.client()
    start = time.perf_counter()
    after = judged([(SMALL_IMAGE, score(client, images[SMALL_IMAGE]))], alone)
    took = time.perf_counter() - start
    client.close()
    return {
        "at once": count,
        "told that the page is busy": len(busy),
        "told": busy[0].said if busy else "",
        "taken": len(taken),
        "of these": judged(taken, alone),
        "refused otherwise": count - len(busy) - len(taken),
        "seconds": seconds,
        "one afterwards": after | {"seconds": round(took, 2)},
        "memory, MiB": server.memory(),
    }


def _told_busy(answer: Answer) -> bool:
    return (answer.status, answer.said) == (503, BUSY) and (answer.retry_after or "").isdigit()


def bounds_kept(result: dict[str, Any]) -> dict[str, bool]:
    """What must hold, and whether it does."""
    load, busy = result["load"], result["busy"]
    return {
        "every answer is its image's own": load["answers"] == {"right": result["requests"], "wrong": 0, "failed": 0},
        f"memory grows by no more than {GROWTH:.0%}": load["growth"] <= GROWTH,
        f"at least {WAITING} at once are taken, and all others told so": busy["taken"] >= WAITING
        and busy["told that the page is busy"] > 0
        and not busy["refused otherwise"],
        "all that were taken are answered rightly": busy["of these"]["right"] == busy["taken"],
        "the page answers afterwards": busy["one afterwards"]["right"] == 1,
    }


def main(
    model: Annotated[str, typer.Option(help="A scorer's folder.")] = "run/scorer",
    dataset: Annotated[str, typer.Option(help="A release's folder, with images.")] = "run/ppaint",
    work: Annotated[Path, typer.Option(help="Working folder; it can be deleted afterwards.")] = Path("runs/space_load"),
    images: Annotated[int, typer.Option(min=4, help="How many different ones.")] = 40,
    requests: Annotated[int, typer.Option(help="Of all clients together; twice a multiple of the images.")] = 400,
    clients: Annotated[int, typer.Option(min=1)] = 20,
    at_once: Annotated[int, typer.Option(help="Requests at once, more than may wait.")] = 260,
    seed: Annotated[int, typer.Option(help="Of images and order.")] = 0,
    out: Annotated[
        Path, typer.Option(help="Where the result goes; the page is made of results in the default folder.")
    ] = RESULTS,
) -> None:
    """Load the page, and look at its answers, its memory and its times."""
    halves = orders(requests, images, seed)
    work.mkdir(parents=True, exist_ok=True)
    paths = write_images(work / "images", images, seed)
    alone = by_command(model, paths, work / "alone")
    batch = largest_difference_to_batch(model, paths, alone)
    facts = {"machine": machine(), "gradio": version("gradio"), "gradio_client": version("gradio_client")}
    loop = plain_loop(model, paths, halves[0] + halves[1])
    numbers = [[{k: v for k, v in row.items() if k != "name"} for row in rows] for rows in (loop.pop("rows"), alone)]
    with DemoServer({"model": model, "dataset": dataset}, work / "server.log") as server:
        server.wait_for_page()
        first = server.client()
        server.wait_for_release_scores(first, paths[SMALL_IMAGE])
        first.close()
        done, load = loaded(server, paths, halves, clients)
        load["answers"] = judged([(request.place, request.entry) for request in done], alone)
        load["failures"] = Counter(request.failed for request in done if request.failed).most_common(5)
        busy = flooded(server, paths, alone, at_once, seed)
    share = {name: round(loop[name] / load["seconds"], 3) for name in ("scoring", "opening")}
    result = facts | {
        "clients": clients,
        "requests": requests,
        "images": images,
        "plain loop": {name: round(value, 2) for name, value in loop.items()},
        "plain loop's numbers are the command's": numbers[0] == numbers[1],
        "each alone, largest difference to all in one call": batch,
        "load": load,
        "page / plain loop": round(load["seconds"] / (loop["scoring"] + loop["opening"]), 3),
        "share of the time": share,
        "busy": busy,
    }
    result["kept"] = bounds_kept(result)
    typer.echo(load_table(result))
    write_result("space_load", result, out)
    if out == RESULTS:
        write_page()
    for what, kept in result["kept"].items():
        typer.echo(f"{'kept' if kept else 'NOT KEPT'}: {what}")
    if not all(result["kept"].values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
