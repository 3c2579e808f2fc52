"""The page of campaigns: whom they may reach, what went out, what it changed, whether that can be trusted."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from serving.pages.campaign_figures import Campaigns, campaigns_of, may_be_read, parity_of
from serving.pages.campaign_messages import messages_of
from serving.pages.campaign_plots import campaign_plots, written
from serving.pages.frame import Frame, page
from serving.pages.remembered import remembered
from serving.pages.small_cells import FEWEST_USERS, step_of_ten, two_digits

router = APIRouter(include_in_schema=False)


@router.get("/campaigns")
def campaigns(frame: Annotated[Frame, Depends(page("campaigns"))]) -> Response:
    """Show campaigns as they were published, and the outbox as it stands."""
    found: Campaigns = remembered(frame.snapshot, "campaigns", lambda: campaigns_of(frame.snapshot))
    is_masked = not frame.person.sees_user_ids
    state = frame.request.app.state
    funnel = found.funnel(is_masked=is_masked)
    return frame.render(
        "campaigns.html",
        plots=campaign_plots(frame.words, found.over_all_users, funnel),
        found=found,
        campaigns=found.campaigns(is_masked=is_masked),
        funnel=funnel,
        messages=messages_of(state.ledger, state.settings.warehouse.source, is_masked=is_masked),
        parity=parity_of(found.parity),
        may_be_read=may_be_read,
        written=lambda row, value: written(frame.words, row["outcome"])(value),
        told=lambda users: not is_masked or users is None or users == 0 or users >= FEWEST_USERS,
        counted=lambda users: step_of_ten(users) if is_masked and users else users,
        summed=lambda amount: two_digits(amount) if is_masked and amount else amount,
    )
