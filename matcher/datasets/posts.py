"""What several sellers post of one product: titles and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matcher.datasets.options import Options
from matcher.datasets.products import Product, Stream, draw_generator, pick
from matcher.datasets.render import render_product
from matcher.datasets.reposts import Edit, draw_edit, retouch
from matcher.datasets.scenes import draw_catalogue_scene, draw_scene, take_photo
from matcher.datasets.titles import write_terse_title, write_title

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Post:
    """One listing before it is written.

    Attributes:
        title: As the seller wrote it.
        shows: Which post of the product has the picture that this one shows; None for none.
        picture: The picture itself, where no earlier post has it.
        quality: Of its JPEG file.
    """

    title: str
    shows: int | None = None
    picture: Image.Image | None = None
    quality: int = 0


def draw_posts(product: Product, options: Options) -> list[Post]:
    """Draw the posts of one product.

    The first shows the maker's photo. The others show the very picture of an earlier post,
    the maker's photo retouched, or a photo that the seller took.
    """
    seed, faulty = options.seed, options.faulty
    fewest, most = options.listings_per_product
    words = draw_generator(seed, product.group, Stream.TITLES)
    rng = draw_generator(seed, product.group, Stream.PICTURES)
    # The maker photographs siblings, which have numbers 2i and 2i + 1, in the same scene.
    scene = draw_catalogue_scene(draw_generator(seed, product.group // 2, Stream.SCENES))
    cutout = render_product(product, 2 * options.side)
    makers = take_photo(cutout, scene, rng)
    posts: list[Post] = []
    for number in range(int(words.integers(fewest, most + 1))):
        fault, way, edit = words.random(), rng.random(), draw_edit(rng)
        is_terse = faulty <= fault < 2 * faulty
        title = (write_terse_title if is_terse else write_title)(product, words)
        earlier = [post.shows for post in posts if post.shows is not None]
        if fault < faulty:
            posts.append(Post(title))
        elif earlier and way < 0.15:
            posts.append(Post(title, shows=pick(rng, earlier)))
        else:
            if number == 0:
                edit = Edit()
            photo = take_photo(cutout, draw_scene(rng), rng) if number and way > 0.5 else makers
            picture = retouch(photo, edit, options.side)
            posts.append(Post(title, number, picture, edit.quality))
    return posts
