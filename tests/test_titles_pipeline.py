"""Titles through the real Triton: what it answers is what the model file says, whatever the batch."""

from models import running
from models.repository import model_dir
from models.titles.student import TitleStudent
from workers import titles
from workers.settings import Settings

TITLES = ["Leiter Einkauf", "Nurse", "", "Online Marketing Specialist " * 3, "Nurse", "VP Sales"] * 20


async def test_titles_are_read_through_triton_as_by_the_file(triton_settings: Settings) -> None:
    async with titles.connect(triton_settings) as reader:
        found = await reader.read(TITLES)
    weights = model_dir(TitleStudent.name) / "1" / "model.onnx"
    tokens = reader.student.tokenize(TITLES)
    assert found == reader.student.decode(running.run(running.session(weights), tokens))
    assert found[1] == found[4]
    assert {own.department.value for own in found} > {"Purchasing", "Sales", "Marketing"}
