"""Where images are: files, folders, lists of files, manifests and stores such as S3."""
