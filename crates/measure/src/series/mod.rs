//! Metrics of points in time order. One file each; where a case holds several series, the mean over those that have a
//! value, unless the metric's page says otherwise.
