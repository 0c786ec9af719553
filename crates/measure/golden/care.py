"""Golden values of care: AEFDI/EnergyFaultDetector 57cd201, energy_fault_detector/evaluation/care_score.py.

Run with that package on PYTHONPATH; numpy, pandas and scikit-learn installed.
"""
import pandas as pd
from energy_fault_detector.evaluation.care_score import CAREScore

ALARMS = [
    lambda series, at: series < 2 and 10 <= at < 18,
    lambda series, at: series == 0 and 10 <= at < 16 or at % 7 == series,
    lambda series, at: series < 2 and at > 11 or series == 3 and at < 6,
    lambda series, at: series == 2 and at < 20 or at % 2 == 0,
]
got = []
for alarmed in ALARMS:
    score = CAREScore(criticality_threshold=3)
    for series in range(4):
        alarms = pd.Series([bool(alarmed(series, at)) for at in range(30)])
        score.evaluate_event(10, 17, "anomaly" if series < 2 else "normal", pd.Series([True]*30), alarms)
    got.append(float(score.get_final_score()))
print("care", got)
