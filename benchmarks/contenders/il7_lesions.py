"""Interleukin-7 and ATRA, activated CD8+ cells and lesions, of an example and a shipped model.

It is loaded from a folder in which it lies beside them.
"""

from pathlib import Path

from lymphokin.model import model_file

il7 = model_file(Path(__file__).with_name("il7_atra.py"))
abscopal = model_file(Path(__file__).with_name("abscopal_cd8.py"))
begins = abscopal.begins


class Lymphoid(il7.LymphoidUnderIl7, abscopal.Lymphoid):
    """Lymphocytes that recover towards more under interleukin-7, and show the T cells left."""


blocks = (*il7.blocks[:-1], Lymphoid(), abscopal.Lesions(), abscopal.Events())
