"""How pictures are meant to be seen: which side is up, and what is behind transparent ones.

It is for whoever has Pillow: the local service and the fitting of images, which must agree.
"""
