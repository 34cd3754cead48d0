"""Looks at the page of `omnitool visualize`: viewer_page.py ADDRESS"""
import io
import sys
import urllib.error
import urllib.request

from PIL import Image

address = sys.argv[1]
page = urllib.request.urlopen(address).read().decode()
assert "<script>" in page and "axial" in page and "coronal" in page
answer = urllib.request.urlopen(address + "image?plane=axial&slice=2&c=100&w=500")
assert answer.headers["Content-Type"] == "image/png" and answer.headers["Cache-Control"] == "no-store"
Image.open(io.BytesIO(answer.read())).load()
base = address.rsplit("/", 2)[0]
for wrong in (base + "/", base + "/else/", address + "image?plane=axial&slice=99", address + "image?plane=up&slice=1"):
    try:
        urllib.request.urlopen(wrong)
        sys.exit(f"{wrong} was answered")
    except urllib.error.HTTPError as error:
        assert error.code == 404, (wrong, error.code)
