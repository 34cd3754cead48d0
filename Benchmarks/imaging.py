"""Imaging side by side: this project, pydicom with NumPy, SciPy, SimpleITK, GDCM. Called by imaging.sh.

    imaging.py BIN_FOLDER [--runs 5] [--slices 500] [--only series,resample,components,box,smooth,codecs]

Each measurement is a fresh process that does the work once to warm up and three times on the clock; the best of all runs
counts, both sides alternated. Data types are the same on both sides, and results are compared. What a process peaks at is
its VmHWM. The Python sides run themselves: `imaging.py --side NAME …`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

ROUNDS = 3


def timed(rounds, body):
    seconds, result = [], None
    for _ in range(rounds):
        result = None
        start = time.perf_counter()
        result = body()
        seconds.append(time.perf_counter() - start)
    return seconds, result


def geometry(shape, oblique):
    """Origin, direction and spacing of the target, as in ImagingBenchmark.swift."""
    if not oblique:
        size = [shape[2] * 10 // 14, shape[1] * 10 // 14, shape[0] * 10 // 8]
        return (0.3, 0.2, 0.1), np.eye(3), (1.4, 1.4, 0.8), size
    a, b = 0.15, 0.1
    columns = [np.cos(a), np.sin(a), 0]
    rows = [-np.sin(a) * np.cos(b), np.cos(a) * np.cos(b), np.sin(b)]
    normal = [np.sin(a) * np.sin(b), -np.cos(a) * np.sin(b), np.cos(b)]
    return (20, -10, 5), np.array([columns, rows, normal]).T, (1, 1, 1), [shape[2], shape[1], shape[0]]


# The other side, each in a process of its own.

def side_series(folder, rounds, type):
    """The reference framework's NumPy grinder: sort, then each pixel array, rescaled, into one volume. Its type is float64;
    the same in float32 is measured beside it."""
    import pydicom
    datasets = [pydicom.dcmread(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
    # The bytes are in memory; what pydicom keeps of an earlier decoding is thrown away each time.

    def grind():
        for dataset in datasets:
            dataset._pixel_array = None
            dataset._pixel_id = {}
        ordered = sorted(datasets, key=lambda d: float(d.ImagePositionPatient[2]))
        volume = np.empty((len(ordered), ordered[0].Rows, ordered[0].Columns), type)
        for index, dataset in enumerate(ordered):
            volume[index] = dataset.pixel_array.astype(type) * dataset.RescaleSlope + dataset.RescaleIntercept
        return volume
    seconds, volume = timed(rounds, grind)
    return seconds, float(volume.sum(dtype=np.float64))


def side_scipy_resample(source, target, kind, rounds):
    import scipy.ndimage
    array = np.load(source)
    origin, direction, spacing, size = geometry(array.shape, kind == "oblique")
    matrix = (direction @ np.diag(spacing))[::-1, ::-1]
    arguments = dict(offset=origin[::-1], output_shape=size[::-1], order=1, cval=-1000, mode="constant",
                     output=np.float32, prefilter=False)
    # Its quick path for aligned axes takes the diagonal alone.
    matrix = np.diag(matrix) if kind == "aligned" else matrix
    seconds, result = timed(rounds, lambda: scipy.ndimage.affine_transform(array, matrix, **arguments))
    np.save(target, result)
    return seconds, float(result.sum(dtype=np.float64))


def side_sitk_resample(source, target, kind, rounds):
    import SimpleITK as sitk
    array = np.load(source)
    image = sitk.GetImageFromArray(array)
    origin, direction, spacing, size = geometry(array.shape, kind == "oblique")
    filter = sitk.ResampleImageFilter()
    filter.SetNumberOfThreads(2)
    filter.SetSize([int(x) for x in size])
    filter.SetOutputOrigin([float(x) for x in origin])
    filter.SetOutputSpacing([float(x) for x in spacing])
    filter.SetOutputDirection(direction.ravel().tolist())
    filter.SetInterpolator(sitk.sitkLinear)
    filter.SetDefaultPixelValue(-1000)
    seconds, result = timed(rounds, lambda: filter.Execute(image))
    array = sitk.GetArrayViewFromImage(result)
    np.save(target, array)
    return seconds, float(array.sum(dtype=np.float64))


def side_label(source, rounds, connectivity):
    import scipy.ndimage
    array = np.load(source)
    structure = scipy.ndimage.generate_binary_structure(3, 1 if connectivity == "6" else 3)
    seconds, (labels, count) = timed(rounds, lambda: scipy.ndimage.label(array, structure))
    return seconds, count * 1e6 + float(labels.sum(dtype=np.float64)) % 1e6


def side_box(source, rounds):
    """The reference framework's Python version: voxel by voxel."""
    array = np.load(source)

    def box():
        low, high = [10**9] * 3, [-1] * 3
        for z in range(array.shape[0]):
            for y in range(array.shape[1]):
                for x in range(array.shape[2]):
                    if array[z, y, x] > 0:
                        for axis, place in enumerate((z, y, x)):
                            low[axis] = min(low[axis], place)
                            high[axis] = max(high[axis], place)
        return low, high
    seconds, (low, high) = timed(1, box)
    check = 0
    for a, b in zip(low, high):
        check = (check * 1000 + a) * 1000 + b + 1
    return seconds, check % 1_000_000_007


def side_smooth(source, target, rounds):
    import scipy.ndimage
    array = np.load(source)
    seconds, result = timed(rounds, lambda: scipy.ndimage.gaussian_filter(array, 2))
    np.save(target, result)
    return seconds, float(result.sum(dtype=np.float64))


def gdcm_sum(path):
    import gdcm
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        return 0
    data = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
    return int(np.frombuffer(data, np.uint16).sum(dtype=np.int64))


def side_gdcm(folder, rounds, threads):
    import multiprocessing
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    if threads == "1":
        seconds, total = timed(int(rounds), lambda: sum(map(gdcm_sum, paths)))
    else:
        with multiprocessing.Pool(int(threads)) as pool:
            pool.map(gdcm_sum, paths[:2])
            seconds, total = timed(int(rounds), lambda: sum(pool.map(gdcm_sum, paths, chunksize=4)))
    return seconds, float(total)


def run_side(name, arguments):
    if name not in ("gdcm", "label"):
        arguments = [int(a) if a.isdigit() else a for a in arguments]
    elif name == "label":
        arguments = [arguments[0], int(arguments[1]), arguments[2]]
    seconds, check = globals()["side_" + name](*arguments)
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps({"seconds": seconds, "check": check, "peak": peak}))


# The comparison.

class Comparison:
    def __init__(self, bin, runs):
        self.bin, self.runs, self.rows = bin, runs, []

    def ours(self, *arguments):
        return self.call([os.path.join(self.bin, "ImagingBenchmark"), *map(str, arguments)])

    def theirs(self, *arguments):
        return self.call([sys.executable, os.path.abspath(__file__), "--side", *map(str, arguments)])

    @staticmethod
    def call(command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{command}:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def compare(self, title, goal, ours, others, tolerance=1e-5, compare=None, runs=None):
        best = {}
        peaks, checks = {}, {}
        for _ in range(runs or self.runs):
            for name, call in [("this project", ours), *others]:
                result = call()
                best[name] = min([best.get(name, float("inf")), *result["seconds"]])
                peaks[name], checks[name] = result["peak"], result["check"]
        for name, _ in others:
            a, b = checks["this project"], checks[name]
            agrees = compare(name) if compare else abs(a - b) <= tolerance * max(1, abs(b))
            ratio = best[name] / best["this project"]
            print(f"{title:34} {best['this project']:8.3f} s   {name:18} {best[name]:8.3f} s   x {ratio:7.1f}"
                  f"   goal {goal.get(name, '-'):>6}   {'same result' if agrees else 'RESULTS DIFFER'}"
                  f"   {peaks['this project'] >> 20} / {peaks[name] >> 20} MiB", flush=True)
            self.rows.append((title, name, ratio, agrees))


def differ_little(one, other, tolerance, share=0.0):
    a, b = np.load(one), np.load(other)
    if a.shape != b.shape:
        return False
    difference = np.abs(a.astype(np.float64) - b)
    return float((difference > tolerance).mean()) <= share


def make_series(bin, folder, slices):
    subprocess.run([os.path.join(bin, "omnitool"), "phantom", folder, "--slices", str(slices), "--rows", "512",
                    "--columns", "512"], check=True, stdout=subprocess.DEVNULL)
    return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))


def realistic(shape):
    """Smooth blobs with some noise, as an image is."""
    import scipy.ndimage
    generator = np.random.default_rng(1)
    coarse = generator.normal(size=[max(2, n // 16) for n in shape]).astype(np.float32)
    zoomed = scipy.ndimage.zoom(coarse, [n / c for n, c in zip(shape, coarse.shape)], order=1)
    zoomed = zoomed[:shape[0], :shape[1], :shape[2]]
    return (zoomed * 400 + generator.normal(size=shape, scale=5)).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--only", default="series,resample,components,box,smooth,codecs")
    arguments = parser.parse_args()
    only = set(arguments.only.split(","))
    comparison = Comparison(arguments.bin, arguments.runs)
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        def path(name):
            return os.path.join(folder, name)

        if "series" in only:
            make_series(arguments.bin, path("ct"), arguments.slices)
            comparison.compare(
                f"{arguments.slices} x 512 x 512 to Float", {"NumPy grinder": 30, "... in float32": 30},
                lambda: comparison.ours("series", path("ct"), ROUNDS),
                [("NumPy grinder", lambda: comparison.theirs("series", path("ct"), ROUNDS, "float64")),
                 ("... in float32", lambda: comparison.theirs("series", path("ct"), ROUNDS, "float32"))], tolerance=1e-6)
            peak = comparison.ours("files", path("ct"), 1)["peak"]
            empty = comparison.ours("files", path("one"), 1)["peak"] if not os.path.isdir(path("one")) and (
                os.mkdir(path("one")) or shutil.copy(path("ct") + "/" + sorted(os.listdir(path("ct")))[0], path("one"))
            ) else 0
            volume = arguments.slices * 512 * 512 * 4
            print(f"files to Float: peak {peak / 2**20:.0f} MiB, volume {volume / 2**20:.0f} MiB: "
                  f"{(peak - volume) / 2**20:.0f} MiB more (a process with one slice: {empty / 2**20:.0f} MiB)")
            shutil.rmtree(path("ct"))
        if "resample" in only:
            np.save(path("v.npy"), realistic((256, 384, 384)))
            for kind, goal in (("aligned", 20), ("oblique", 6)):
                comparison.compare(
                    f"trilinear, {kind}", {"SciPy": goal, "SimpleITK": 1},
                    lambda: comparison.ours("resample", path("v.npy"), path("a.npy"), kind, ROUNDS),
                    [("SciPy", lambda: comparison.theirs("scipy_resample", path("v.npy"), path("b.npy"), kind, 1)),
                     ("SimpleITK", lambda: comparison.theirs("sitk_resample", path("v.npy"), path("c.npy"), kind, ROUNDS))],
                    # SciPy has no half voxel beyond the outermost centres.
                    compare=lambda name: differ_little(
                        path("a.npy"), path("b.npy" if name == "SciPy" else "c.npy"), 0.05,
                        0.02 if name == "SciPy" else 1e-5), runs=min(3, arguments.runs))
        if "components" in only:
            noise = np.random.default_rng(2).random((300, 512, 512))
            np.save(path("noise.npy"), (noise < 0.3).astype(np.uint8))
            np.save(path("blobs.npy"), (realistic((300, 512, 512)) > 200).astype(np.uint8))
            for name in ("noise", "blobs"):
                for connectivity in ("6", "26"):
                    comparison.compare(
                        f"components, {name}, {connectivity}", {"SciPy": 3},
                        lambda: comparison.ours("components", path(name + ".npy"), ROUNDS, connectivity),
                        [("SciPy", lambda: comparison.theirs("label", path(name + ".npy"), 1, connectivity))],
                        tolerance=0, runs=min(3, arguments.runs))
        if "box" in only:
            small = np.zeros((64, 128, 128), np.uint8)
            small[10:50, 20:100, 30:90] = 1
            np.save(path("small.npy"), small)
            comparison.compare(
                "bounding box, 64 x 128 x 128", {"Python": 1000}, lambda: comparison.ours("box", path("small.npy"), 20),
                [("Python", lambda: comparison.theirs("box", path("small.npy"), 1))], tolerance=0,
                runs=min(3, arguments.runs))
        if "smooth" in only:
            np.save(path("v.npy"), realistic((128, 256, 256)))
            comparison.compare(
                "Gaussian, sigma 2, 128 x 256 x 256", {}, lambda: comparison.ours("smooth", path("v.npy"), path("a.npy"), ROUNDS),
                [("SciPy", lambda: comparison.theirs("smooth", path("v.npy"), path("b.npy"), 1))],
                compare=lambda name: differ_little(path("a.npy"), path("b.npy"), 0.02), runs=min(3, arguments.runs))
        if "codecs" in only:
            make_series(arguments.bin, path("plain"), 48)
            # Phantoms are too regular: an image's noise decides how long a decoder takes.
            add_noise(path("plain"))
            for syntax in ("JPEG2000Lossless", "JPEGLSLossless", "RLELossless"):
                subprocess.run([os.path.join(arguments.bin, "omnitool"), "convert", path("plain"), path(syntax),
                                "--transfer-syntax", syntax], check=True)
                for threads in (1, 2):
                    comparison.compare(
                        f"48 x 512 x 512, {syntax}, {threads} thread{'s' if threads > 1 else ''}", {"GDCM": 1},
                        lambda: comparison.ours("decode", path(syntax), ROUNDS, threads),
                        [("GDCM", lambda: comparison.theirs("gdcm", path(syntax), ROUNDS, threads))], tolerance=0,
                        runs=min(3, arguments.runs))
    if not all(row[3] for row in comparison.rows):
        raise SystemExit("results differ")


def add_noise(folder):
    import pydicom
    generator = np.random.default_rng(3)
    for name in os.listdir(folder):
        dataset = pydicom.dcmread(os.path.join(folder, name))
        rows, columns = np.mgrid[0:dataset.Rows, 0:dataset.Columns]
        image = 1200 + 600 * np.sin(rows / 40) * np.cos(columns / 55) + generator.normal(scale=12, size=rows.shape)
        dataset.PixelData = image.astype(np.uint16).tobytes()
        dataset.save_as(os.path.join(folder, name))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--side":
        run_side(sys.argv[2], sys.argv[3:])
    else:
        main()
