"""Anomalies: detectors made safe, put together, cut off and calibrated. Arrays in, arrays out."""
