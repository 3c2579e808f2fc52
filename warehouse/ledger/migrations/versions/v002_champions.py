"""Give models a definition, and record who became champion and why.

Until here the newest accepted model scored. So every accepted model is given the promotion that it had in
fact: champion from its training day on, until a later one came.
"""

import sqlalchemy as sa
from alembic import op

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Models knew only one kind of label so far.
DEFINITION_OF_MODEL = "update models set definition_id = 'paid_order_' || horizon_days || 'd'"
DEFINITION_OF_USE = """
update model_uses set definition_id = coalesce(
    (select models.definition_id from models where models.model_version = model_uses.model_version),
    'paid_order_90d'
)
"""
DECISIONS = """
insert into model_decisions (
    decision_number, source, definition_id, decided_for, challenger, champion, verdict, reason,
    figures_json, decided_by, decided_at
)
select
    row_number() over (order by created_at, trained_as_of, model_version),
    source,
    definition_id,
    trained_as_of,
    model_version,
    lag(model_version) over (
        partition by source, definition_id order by trained_as_of, created_at, model_version
    ),
    'promoted',
    'Accepted before reasons were recorded: the newest accepted model was the one in use.',
    '{}',
    'migration',
    created_at
from models
where status = 'accepted'
"""
STATUSES = """
update models set status = case
    when status = 'accepted' and exists (
        select 1
        from models as newer
        where newer.source = models.source
            and newer.definition_id = models.definition_id
            and newer.status = 'accepted'
            and (
                newer.trained_as_of > models.trained_as_of
                or (newer.trained_as_of = models.trained_as_of and newer.created_at > models.created_at)
                or (
                    newer.trained_as_of = models.trained_as_of
                    and newer.created_at = models.created_at
                    and newer.model_version > models.model_version
                )
            )
    ) then 'retired'
    when status = 'accepted' then 'champion'
    when status = 'withdrawn' then 'withdrawn'
    when status = 'rejected' then 'refused'
    else 'challenger'
end
"""
COUNTER = """
insert into counters (name, value)
select 'model_decision', coalesce(max(decision_number), 0) from model_decisions
"""


def upgrade() -> None:
    """Add the definition to models and their uses, and the table of decisions."""
    for table in ("models", "model_uses"):
        op.add_column(table, sa.Column("definition_id", sa.String(64)))
    op.execute(DEFINITION_OF_MODEL)
    op.execute(DEFINITION_OF_USE)
    with op.batch_alter_table("models") as models:
        models.alter_column("definition_id", existing_type=sa.String(64), nullable=False)
    with op.batch_alter_table("model_uses") as model_uses:
        model_uses.alter_column("definition_id", existing_type=sa.String(64), nullable=False)
        model_uses.drop_constraint("pk_model_uses", type_="primary")
        model_uses.create_primary_key("pk_model_uses", ["source", "as_of_date", "definition_id"])
    op.create_table(
        "model_decisions",
        sa.Column("decision_number", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("definition_id", sa.String(64), nullable=False),
        sa.Column("decided_for", sa.Date, nullable=False),
        sa.Column("challenger", sa.String(128), nullable=False),
        sa.Column("champion", sa.String(128)),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("figures_json", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(128), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("decision_number", name="pk_model_decisions"),
        sa.ForeignKeyConstraint(
            ["challenger"], ["models.model_version"], name="fk_model_decisions_challenger_models"
        ),
    )
    op.create_index(
        "ix_model_decisions_source_definition_id_decided_for",
        "model_decisions",
        ["source", "definition_id", "decided_for"],
    )
    op.execute(DECISIONS)
    op.execute(COUNTER)
    op.execute(STATUSES)
