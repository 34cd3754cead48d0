"""Fails unless a picture can be read by Pillow, and is not all of one grey."""
import sys

from PIL import Image

image = Image.open(sys.argv[1])
image.load()
low, high = image.convert("L").getextrema()
assert image.size[0] > 10 and image.size[1] > 10 and high > low, (image.size, low, high)
print(*image.size, image.mode)
