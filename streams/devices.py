"""Which devices there are to compute on."""

from __future__ import annotations

import ctypes


def cuda_devices() -> int:
    """Count the devices that the NVIDIA driver answers for; ONNX Runtime is not asked.

    Without a device it would log errors and fall back in silence.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
