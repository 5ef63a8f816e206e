"""The example month keeps its promises."""
