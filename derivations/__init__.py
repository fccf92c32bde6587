"""The verified reference: every formula proved, certified and traced to the code. A chapter per subject."""
