"""Three service maps of the same requests, side by side: Honeycomb, AWS X-Ray and CloudWatch."""

__version__ = "0.2.0"
