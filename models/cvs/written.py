from models.cvs.data import Example
def examples(part): return []
