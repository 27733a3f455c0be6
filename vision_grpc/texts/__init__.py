"""What users wrote: shown in messages so that it can be recognised, and cleaned for use."""
