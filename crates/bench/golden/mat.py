"""The bytes of the tests in tests/matlab.rs: scipy 1.17.1, everything after the header of 128 bytes."""
import io
import numpy, scipy.io

x = numpy.array([[1.5, 2], [3, -4], [5, 6]])
y = numpy.array([[0], [1], [0]])
for name, mat, packed in (
    ("PLAIN", {"X": x, "y": y.astype(numpy.uint8)}, False),
    ("PACKED", {"X": x.astype(numpy.int16), "y": y.astype(float)}, True),
):
    file = io.BytesIO()
    scipy.io.savemat(file, mat, do_compression=packed)
    print(name, file.getvalue()[128:].hex())
