"""What is stored, how long, and how the Owner erases it or takes it away."""
