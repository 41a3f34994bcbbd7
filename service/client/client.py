"""A service from a program: searched, looked through, written to, given jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vitrail.indexer.errors import InputError
from vitrail.service.client.jobs import ServedJob
from vitrail.service.client.questions import ServedImage, image_member
from vitrail.service.client.reader import ServiceReader
from vitrail.service.client.readings import read_reply
from vitrail.service.client.transport import part_of_path

Scalar = str | int | float | bool | None


class Client(ServiceReader):
    """A collection of a service that ``vitrail serve`` runs. Any number of threads may use one.

    What only reads is asked again where no answer comes, or the service says when to come again;
    what changes something is sent once.

    Args:
        url: where the service answers, such as ``http://127.0.0.1:8000``.
        key: that it lets in; ``None`` where it needs none.
        collection: name of the collection; the service's first where it is ``None``.
        timeout: seconds in which the service has to answer.

    Raises:
        InputError: the address or the key cannot be one.
    """

    def compare_images(self, a: ServedImage, b: ServedImage) -> dict[str, Any]:
        """Two images compared, by layers, patches, pixels and recipes, as the reference tells."""
        if isinstance(a, int) and isinstance(b, int):
            told = self._transport.get("compare-images", {**self._named, "a": a, "b": b})
            return read_reply(dict[str, Any], told)
        members = {"a": image_member(self._transport, a), "b": image_member(self._transport, b)}
        return self._job("compare-images", members).wait()

    def annotate(
        self, images: Sequence[int], columns: Mapping[str, Scalar | Sequence[Scalar]]
    ) -> int:
        """Set columns of your own on images, in one commit; how many images were set.

        Args:
            images: their ids.
            columns: name -> a value for all, or one for each; ``None`` clears what was there.
        """
        each = {
            name: values if isinstance(values, Scalar) else list(values)
            for name, values in columns.items()
        }
        body = {"ids": list(images), "columns": each}
        told = self._transport.change("POST", "annotations", body, self._named)
        return read_reply(lambda reply: int(reply["images"]), told)

    def remove(self, image: int) -> None:
        """Take an image out of the collection; its files stay."""
        self._transport.change("DELETE", f"images/{int(image)}", None, self._named)

    def decide(self, kind: Literal["same", "not-duplicates", "keep"], *images: int) -> str:
        """Say what images are to one another, for good; the decision's token."""
        body = {"kind": kind, "images": list(images)}
        told = self._transport.change("POST", "duplicates/decisions", body, self._named)
        return read_reply(lambda reply: str(reply["token"]), told)

    def undo(self, token: str | None = None) -> str:
        """Take a decision back, the last one that holds or the one named; its token."""
        body = {} if token is None else {"token": token}
        told = self._transport.change("POST", "duplicates/decisions/undo", body, self._named)
        return read_reply(lambda reply: str(reply["token"]), told)

    def generate(
        self,
        prompt: str | Sequence[str],
        *,
        n: int = 1,
        seed: int = 0,
        negative_prompt: str = "",
        width: int | None = None,
        height: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        scheduler: str | None = None,
        model: str | None = None,
        force: bool = False,
        guard: float | None = None,
        against: str | None = None,
        retries: int = 0,
        mark: str | None = None,
    ) -> ServedJob:
        """Make images from prompts, and index them: a job. Its result names the images.

        Args:
            prompt: what to draw; or several, each ``n`` times.
            n: images of each, from consecutive seeds.
            seed: of the first.
            negative_prompt: what not to draw.
            width: in pixels; the model's own where it is ``None``, as all that follows.
            height: in pixels.
            steps: of denoising.
            guidance: weight of the prompt.
            scheduler: the sampler.
            model: what draws, of the names that the service has.
            force: make images again that are there already.
            guard: share of innocent images that may be taken for copies: copies are not kept.
            against: SQL expression of what may be copied; all that was not generated if ``None``.
            retries: other seeds that are tried in the place of one whose image is refused.
            mark: column that gets each image's false-positive rate; copies are kept then.

        Raises:
            InputError: there is no ``guard`` beside what only it takes.
        """
        given = {"width": width, "height": height, "steps": steps, "guidance": guidance}
        given |= {"scheduler": scheduler, "model": model}  # type: ignore[dict-item]
        said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        body = {"prompt": prompt if isinstance(prompt, str) else list(prompt), "n": n, "seed": seed}
        if guard is not None:
            judged = {"against": against, "mark": mark}
            judged = {name: value for name, value in judged.items() if value is not None}
            said["guard"] = {"rate": guard, "retries": retries, **judged}
        elif retries or against is not None or mark is not None:
            raise InputError("against, retries and mark say what a guard does; give its rate")
        return self._job(
            "generate", {**body, "negative_prompt": negative_prompt, "force": force, **said}
        )

    def index(
        self,
        root: str | None = None,
        path: str = "",
        *,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        label_from: Literal["parent", "none"] | None = None,
        keep_missing: bool | None = None,
        classify: bool | None = None,
        accept_removals: bool = False,
        rehash: bool = False,
    ) -> ServedJob:
        """Bring the collection up to date with a folder of the service's: a job.

        Args:
            root: one of the names that the service was given; all of them where it is ``None``.
            path: of a folder or file below it, with slashes.
            include: globs of files to consider; as remembered where ``None``, as what follows.
            exclude: globs of files and folders to leave out.
            label_from: ``parent`` labels each file with its folder's name, ``none`` with nothing.
            keep_missing: keep images whose files are gone.
            classify: also store the labels of the checkpoint's head.
            accept_removals: go on where a folder lost so much that its disk may be away.
            rehash: read every file, also those whose size and time are as they were.
        """
        given = {
            "root": root,
            "include": None if include is None else list(include),
            "exclude": None if exclude is None else list(exclude),
            "label_from": label_from,
            "keep_missing": keep_missing,
            "classify": classify,
        }
        said = {name: value for name, value in given.items() if value is not None}
        body = {"path": path, "accept_removals": accept_removals, "rehash": rehash, **said}
        return self._job("index", body)

    def compare(self, a: str, b: str | None = None, *, group_by: str | None = None) -> ServedJob:
        """Measure how two sets of images differ: a job.

        Args:
            a: SQL expression of the set that is judged.
            b: of what it is judged by; all other images where it is ``None``.
            group_by: column by whose values a table is made.
        """
        given = {"a": a, "b": b, "group_by": group_by}
        return self._job("compare", {k: v for k, v in given.items() if v is not None})

    def duplicates(self, where: str | None = None, *, look_alikes: bool = False) -> ServedJob:
        """Find copies of images, and which of each to keep: a job.

        Args:
            where: SQL expression of the images that are compared.
            look_alikes: also tell images that look alike and are no copies.
        """
        body = {"look_alikes": look_alikes} | ({} if where is None else {"where": where})
        return self._job("duplicates", body)

    def job(self, name: str) -> ServedJob:
        """A job that was asked for before.

        Args:
            name: its id.
        """
        return ServedJob(self._transport, self._transport.get(f"jobs/{part_of_path(name)}"))

    def _job(self, kind: str, body: Mapping[str, Any]) -> ServedJob:
        return ServedJob(
            self._transport, self._transport.change("POST", kind, dict(body), self._named)
        )
