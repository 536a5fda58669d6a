"""Make the built-in galleries: `python -m benchmarks.gallery ../shared` encodes every picture in its folder `styles`.

Run it again whenever bundled weights change. Pictures, and VGG-19 by which their styles are refined, are not shipped.
"""

import argparse
from pathlib import Path

from safetensors.numpy import save_file

from engines import network_id
from engines.encoder import REFINEMENT, encode_vector
from engines.networks import NETWORKS
from engines.networks.vgg import load_vgg
from engines.style import gallery_path, picture_sha256
from realtime.images import find_pictures, read_picture

TITLES = {
    "adam_and_eve": "Adam and Eve, Albrecht Dürer",
    "byzantine_head": "Byzantine Head: The Brunette, Alphonse Mucha",
    "composition_vii": "Composition VII, Wassily Kandinsky",
    "crane_and_wave": "Crane and Wave, Utagawa Hiroshige",
    "enchanted_mill": "The Enchanted Mill, Franz Marc",
    "great_wave": "The Great Wave off Kanagawa, Katsushika Hokusai",
    "irises": "Irises, Vincent van Gogh",
    "japanese_bridge": "The Japanese Footbridge, Claude Monet",
    "letter_sketch": "Sketch in a letter, Vincent van Gogh",
    "mondrian_tree_grid": "Tree, turning into a grid, Piet Mondrian",
    "mont_sainte_victoire": "Mont Sainte-Victoire, Paul Cézanne",
    "poppy_field": "Poppy Field, Gustav Klimt",
    "reaper_on_red": "Reaper on Red, Kazimir Malevich",
    "starry_night": "The Starry Night, Vincent van Gogh",
    "straw_hat": "Self-Portrait with Straw Hat, Vincent van Gogh",
    "swamp_legend": "Swamp Legend, Paul Klee",
    "the_scream": "The Scream, Edvard Munch",
    "water_lilies": "Water Lilies, Claude Monet",
    "waterloo_bridge": "Waterloo Bridge, Claude Monet",
    "wreck_of_the_minotaur": "The Wreck of the Minotaur, J. M. W. Turner",
    "yellow_city": "Yellow City, Egon Schiele",
}


def main() -> None:
    """Encode the pictures under their files' names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with styles/ and weights/")
    bundled = [name for name, card in NETWORKS.items() if card.bundled]
    parser.add_argument("--network", choices=bundled, action="append", help="only for this one; may be repeated")
    given = parser.parse_args()
    vgg = load_vgg(given.shared / "weights" / "vgg19_normalised_relu4_1.fp16.safetensors")
    for network in given.network or bundled:
        vectors, metadata = {}, {"network": network_id(network)}
        for path in find_pictures(given.shared / "styles"):
            pixels = read_picture(path).pixels
            vectors[path.stem] = encode_vector(pixels, network=network, refinement=REFINEMENT, judge=vgg)
            metadata[f"{path.stem}.picture_sha256"] = picture_sha256(pixels)
            metadata[f"{path.stem}.title"] = TITLES[path.stem]
            print(network, path.stem, flush=True)
        gallery = gallery_path(network)
        save_file(vectors, gallery, metadata)
        print(f"{gallery.name}: {len(vectors)} styles, {gallery.stat().st_size} bytes")


if __name__ == "__main__":
    main()
