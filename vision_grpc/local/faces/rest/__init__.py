"""REST: HTTP/1.1 connections, the routes behind them, and what guards both."""

from vision_grpc.local.faces.rest.application import application
from vision_grpc.local.faces.rest.http_server import HttpServer, HttpTimes

__all__ = ["HttpServer", "HttpTimes", "application"]
