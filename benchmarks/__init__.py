"""One module for each published figure; results/ holds what they measured."""
