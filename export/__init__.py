"""From a trained nn.Module and its catalog to an ONNX bundle, with parity proven."""
