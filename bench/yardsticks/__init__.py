"""What speed is measured against: applications that do as little as can be done."""
