"""What images are of: labels told by those of other images, how sure that is, and where it errs."""
