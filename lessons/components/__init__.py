"""The few shared parts that every lesson's page is made of."""
