"""Tests of files and streams of journals."""
