# %% [markdown]
# # x
# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/13_vae_with_flows",
    title="x",
    post="flow",
    sections=["flow.s16"],
    figures=[],
    equations=[],
    minutes=1,
)
