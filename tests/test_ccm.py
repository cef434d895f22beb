"""AES-CCM: as the RFC says, and as another implementation does."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from drivers._ccm import opened, unproved
from gateway.records import BadFrame

KEY = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")


@pytest.mark.parametrize(
    ("nonce", "sealed", "mic", "last"),
    [
        ("00000003020100a0a1a2a3a4a5", "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384",
         "17e8d12cfdf926e0", 31),
        ("00000004030201a0a1a2a3a4a5", "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3b",
         "a091d56e10400916", 32),
        ("00000005040302a0a1a2a3a4a5", "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da859657",
         "4adaa76fbd9fb0c5", 33),
    ],
)  # fmt: skip
def test_the_packets_of_rfc_3610_are_opened(nonce: str, sealed: str, mic: str, last: int) -> None:
    """Packet vectors 1 to 3 of section 8: 8 bytes of additional data."""
    text = opened(
        KEY, bytes.fromhex(nonce), bytes.fromhex(sealed), bytes.fromhex(mic), bytes(range(8))
    )
    assert text == bytes(range(8, last))


def test_whatever_another_implementation_seals_is_opened_and_no_wrong_bit_passes() -> None:
    dice = random.Random(3610)
    for _ in range(300):
        key, nonce = dice.randbytes(16), dice.randbytes(dice.randrange(7, 14))
        text, extra = dice.randbytes(dice.randrange(0, 60)), dice.randbytes(dice.randrange(0, 40))
        both = AESCCM(key, tag_length=4).encrypt(nonce, text, extra)
        sealed, mic = both[:-4], both[-4:]
        assert opened(key, nonce, sealed, mic, extra) == text
        assert unproved(key, nonce, sealed) == text
        at = dice.randrange(len(both) * 8)
        wrong = (int.from_bytes(both, "big") ^ 1 << at).to_bytes(len(both), "big")
        with pytest.raises(BadFrame, match="integrity"):
            opened(key, nonce, wrong[:-4], wrong[-4:], extra)
