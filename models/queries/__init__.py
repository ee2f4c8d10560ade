"""The query student: what a job seeker types into the search box, understood."""
