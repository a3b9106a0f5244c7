"""AES-256 in CBC mode, written from FIPS 197 and SP 800-38A for the tests: independent of any library."""

_ROUNDS = 14


def _times(a: int, b: int) -> int:
    """The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _sbox() -> list[int]:
    box = []
    for value in range(256):
        inverse = next((other for other in range(256) if _times(value, other) == 1), 0)
        mixed = 0x63
        for shift in range(5):
            mixed ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(mixed)
    return box


SBOX = _sbox()


def _round_keys(key: bytes) -> list[bytes]:
    words = [key[start : start + 4] for start in range(0, 32, 4)]
    rcon = 1
    for number in range(8, 4 * (_ROUNDS + 1)):
        word = words[-1]
        if number % 8 == 0:
            word = bytes(SBOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ rcon]) + word[1:]
            rcon = _times(rcon, 2)
        elif number % 8 == 4:
            word = bytes(SBOX[byte] for byte in word)
        words.append(bytes(a ^ b for a, b in zip(words[-8], word, strict=True)))
    return [b"".join(words[start : start + 4]) for start in range(0, len(words), 4)]


def encrypt_block(block: bytes, keys: list[bytes]) -> bytes:
    state = bytes(a ^ b for a, b in zip(block, keys[0], strict=True))
    for number in range(1, _ROUNDS + 1):
        state = bytes(SBOX[state[(position + 4 * (position % 4)) % 16]] for position in range(16))
        if number < _ROUNDS:
            state = b"".join(_mixed(state[start : start + 4]) for start in range(0, 16, 4))
        state = bytes(a ^ b for a, b in zip(state, keys[number], strict=True))
    return state


def _mixed(column: bytes) -> bytes:
    return bytes(
        _times(column[row], 2) ^ _times(column[(row + 1) % 4], 3) ^ column[(row + 2) % 4] ^ column[(row + 3) % 4]
        for row in range(4)
    )


def encrypt_cbc(data: bytes, key: bytes, iv: bytes) -> bytes:
    """`data`, padded by PKCS7, encrypted."""
    padding = 16 - len(data) % 16
    data += bytes([padding]) * padding
    keys, blocks = _round_keys(key), [iv]
    for start in range(0, len(data), 16):
        block = bytes(a ^ b for a, b in zip(data[start : start + 16], blocks[-1], strict=True))
        blocks.append(encrypt_block(block, keys))
    return b"".join(blocks[1:])
