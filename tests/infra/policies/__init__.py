"""What holds for every file of infra/, as functions from the files to sentences of complaint.

Each module has its rules and a table of them: item of docs/infrastructure.md → rule → mistakes that
it catches.
"""

from tests.infra.policies import access, app, data, form, operating, reach

RULES = (*app.RULES, *access.RULES, *reach.RULES, *data.RULES, *operating.RULES, *form.RULES)
