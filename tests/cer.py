"""The measure of OCR: how many characters are wrong."""


def character_error_rate(read: str, written: str) -> float:
    """Return the edits that turn what was read into what is written, per character written; blanks count as one."""
    read, written = " ".join(read.split()), " ".join(written.split())
    # Levenshtein's distance, row by row.
    row = list(range(len(written) + 1))
    for done, character in enumerate(read, 1):
        above, row = row, [done]
        for column, wanted in enumerate(written):
            row.append(min(row[column] + 1, above[column + 1] + 1, above[column] + (character != wanted)))
    return row[-1] / len(written)
