"""The title student: seniority and department of job titles in several languages."""
