"""What people do in the shop, a file for each kind of them. A rule does one thing to the service and to the books."""
