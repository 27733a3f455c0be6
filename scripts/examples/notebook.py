# ruff: noqa: B018, D100 - cells show their last value, and begin with a text
# pyright: basic, reportUnusedExpression=false
# %% [markdown]
# A notebook in the percent format, which Jupyter (by jupytext), VS Code and PyCharm open.

# %%
import pandas as pd

from vision_grpc import VisionClient

client = VisionClient()
result = client.analyze("scan.png", languages=["*"])
result  # shows the picture with its words

# %% A table of the words
words = pd.DataFrame(
    {"text": word.text, "left": word.box.left, "top": word.box.top, "confidence": word.confidence}
    for word in result.words()
)
words.head()

# %% The words that deserve a second look
doubtful = words[words["confidence"] < words["confidence"].quantile(0.1)]
doubtful
