"""Weights and tiles from formulas that every language reproduces exactly (64-bit integers, then double, then float32).

    seed(key)     = FNV-1a, 64 bits, of the key's UTF-8 bytes
    bits(seed, i) = splitmix64's output i (its state after i + 1 steps from seed)
    u(key, i)     = (bits >> 40) / 2^23 - 1                                            in [-1, 1), exact

Element i of a tensor in row-major order, by the first rule that fits:

    key ends in num_batches_tracked         0 (int64)
    key ends in running_var                 1 + u / 2
    key ends in running_mean                u / 10
    one dimension, key ends in gamma        0.3 + u / 5         as do layer_scale and gamma_1, gamma_2
    one dimension, key ends in weight       1 + u / 2           norms
    one dimension                           u / 10              biases
    *_embed, *_token(s), *_table            min(gain, 1) u / 2
    the rest                                gain * sqrt(3 / (elements / first dimension)) * u

Tile n: pixel[y, x, c] = (x (3 + n) + y (5 + 2 n) + c (40 + 11 n) + (x y (n + 1)) // 17) mod 256, a byte.
"""
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def unit(key, count):
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(key)) + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0 ** 23 - 1


def weight(key, shape, gain):
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    count = int(np.prod(shape, dtype=np.int64))
    u = unit(key, count)
    vector = len(shape) == 1
    if key.endswith("running_var"):
        value = 1 + u / 2
    elif key.endswith("running_mean"):
        value = u / 10
    elif key.endswith(("layer_scale", "gamma_1", "gamma_2")) or vector and key.endswith("gamma"):
        value = 0.3 + u / 5
    elif vector and key.endswith("weight"):
        value = 1 + u / 2
    elif vector:
        value = u / 10
    elif key.endswith(("_embed", "_token", "_tokens", "_table")):
        value = min(gain, 1) / 2 * u
    else:
        value = gain * np.sqrt(3.0 / (count // shape[0])) * u
    return value.astype(np.float32).reshape(shape)


def tiles(count, size):
    n, y, x, c = np.mgrid[0:count, 0:size, 0:size, 0:3]
    return ((x * (3 + n) + y * (5 + 2 * n) + c * (40 + 11 * n) + x * y * (n + 1) // 17) % 256).astype(np.uint8)
