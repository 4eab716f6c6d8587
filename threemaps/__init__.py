"""Three service maps of the same requests, side by side: Honeycomb, AWS X-Ray and CloudWatch."""

__version__ = "0.1.0"
