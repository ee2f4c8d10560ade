"""Titles through the real Triton: what it answers is what the model file says, whatever the batch."""

from models import running
from models.repository import model_dir
from models.titles.student import TitleStudent
from workers import titles
from workers.settings import Settings

TITLES = ["Leiter Einkauf", "Nurse", "", "Online Marketing Specialist " * 3, "Nurse", "VP Sales"] * 20


async def test_titles_are_read_through_triton_as_by_the_file(triton_settings: Settings) -> None:
    async with titles.connect(triton_settings) as (infer, student):
        found = await titles.read_titles(TITLES, infer, student)
    weights = model_dir(TitleStudent.name) / "1" / "model.onnx"
    assert found == student.decode(running.run(running.session(weights), student.tokenize(TITLES)))
    assert found[1] == found[4]
    assert {own.department.value for own in found} > {"Purchasing", "Sales", "Marketing"}
