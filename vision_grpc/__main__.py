"""`python -m vision_grpc` is `vision-grpc`."""

from vision_grpc.cli import main

if __name__ == "__main__":
    main()
