"""Images and labels: one loader a data set, published preprocessing, nothing unpickled or downloaded."""
