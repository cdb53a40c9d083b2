"""What the buyer sees, and until when. Pure; the stage carries it out."""
