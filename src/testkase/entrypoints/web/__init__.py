"""What people see: pages, partials and the few scripts they need."""
